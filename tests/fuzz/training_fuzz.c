/* training_fuzz.c: any bytes as a trained model (safetensors), as a checkpoint of a training or as the state in one: what was made here is
 * read again from them, or they are refused with a sentence. The first byte chooses. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "mpi-runner/checkpoint.h"
#include "mpi-runner/model_file.h"

#define PARAMETERS 8
#define PREFIX_LEN 16 /* of a checkpoint: its magic and the length of its header */
#define SAVED "step-0000000007.aickpt"

static char folder[] = "/dev/shm/aic-fuzz-XXXXXX", model_path[64], checkpoint_path[64];
static float weights[3][PARAMETERS];

static aic_checkpoint expected(void)
{
	aic_checkpoint c = {.state = {.identity = aic_sha256_of("x", 1), .step = 7, .seed = 1, .parameters = PARAMETERS, .sections = 3, .power1 = 1,
	                              .power2 = 1}, .section = {weights[0], weights[1], weights[2]}};

	aic_segment_begin(&c.segment, &c.state.identity, 5);
	aic_segment_add(&c.segment, 1.5f, 0.25f);
	aic_segment_add(&c.segment, 1.25f, 0.5f);
	c.state.chain = c.segment.now;
	return c;
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");

	demand(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

/* The header with its true checksum, so that what is behind it is reached. */
static void seal(uint8_t *data, size_t size)
{
	uint64_t len = size >= PREFIX_LEN ? aic_get_be64(data + 8) : UINT64_MAX;

	if (len > size || PREFIX_LEN + len + AIC_HASH_LEN > size)
		return;
	aic_hash sum = aic_sha256_of(data, PREFIX_LEN + len);
	memcpy(data + PREFIX_LEN + len, sum.b, AIC_HASH_LEN);
}

static void as_checkpoint(const uint8_t *data, size_t size)
{
	aic_checkpoint c = expected(), found;
	aic_error damaged = {0}, err = {0};
	uint8_t *sealed = malloc(size + 1);
	aic_hash root;

	demand(sealed != NULL);
	memcpy(sealed, data, size);
	seal(sealed, size);
	put(checkpoint_path, sealed, size);
	free(sealed);
	if (aic_checkpoint_load(&c, folder, &damaged, &err) != AIC_OK)
		demand(err.message[0]);
	if (aic_checkpoint_check(&found, &root, checkpoint_path, &err) == AIC_OK)
		aic_segment_free(&found.segment);
	else
		demand(err.message[0]);
	aic_segment_free(&c.segment);
	unlink(checkpoint_path);
}

static void as_state(const uint8_t *data, size_t size)
{
	aic_bytes again = {0};
	aic_train_state s;

	if (aic_train_state_decode(&s, data, size, NULL) == AIC_OK) {
		aic_train_state_encode(&s, &again);
		demand(again.len == size && memcmp(again.data, data, size) == 0);
	}
	aic_bytes_free(&again);
}

static void as_model(const uint8_t *data, size_t size)
{
	aic_model_file f = {.spec = NULL};
	aic_error err = {0};

	put(model_path, data, size);
	if (aic_model_file_read(&f, model_path, &err) == AIC_OK)
		aic_model_file_free(&f);
	else
		demand(err.message[0]);
	unlink(model_path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const as[])(const uint8_t *, size_t) = {as_checkpoint, as_model, as_state};

	if (size)
		as[data[0] % 3](data + 1, size - 1);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char header[] =
		"{\"__metadata__\":{\"format\":\"pt\",\"aic_spec\":\"model:\\n  - linear: 2\\n\"},\"0.linear.weight\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
	aic_checkpoint c = expected();
	aic_bytes seed = {0};
	uint8_t head[8] = {sizeof(header) - 1};

	(void)argc, (void)argv;
	demand(mkdtemp(folder) != NULL);
	snprintf(model_path, sizeof(model_path), "%s/m.safetensors", folder);
	snprintf(checkpoint_path, sizeof(checkpoint_path), "%s/" SAVED, folder);
	demand(aic_checkpoint_save(&c, NULL, folder, 1, NULL) == AIC_OK && aic_file_read(&seed, checkpoint_path, 1 << 20, NULL) == AIC_OK);
	fuzz_seed("checkpoint", 0, seed.data, seed.len);
	aic_bytes_clear(&seed);
	aic_train_state_encode(&c.state, &seed);
	fuzz_seed("state", 2, seed.data, seed.len);
	aic_segment_free(&c.segment);
	aic_bytes_clear(&seed);
	aic_bytes_append(&seed, head, sizeof(head));
	aic_bytes_append_str(&seed, header);
	aic_bytes_append(&seed, weights, 8);
	fuzz_seed("model", 1, seed.data, seed.len);
	aic_bytes_free(&seed);
	unlink(checkpoint_path);
	return 0;
}
