/* training_fuzz.c: any bytes as a trained model (safetensors) or as a checkpoint of a training: a small one made here is read again
 * from them, or they are refused with a sentence. The first byte chooses. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "mpi-runner/checkpoint.h"
#include "mpi-runner/model_file.h"

#define PARAMETERS 8
#define SAVED "step-0000000007.aickpt"

static char folder[] = "/dev/shm/aic-fuzz-XXXXXX", model_path[64], checkpoint_path[64];
static float weights[3][PARAMETERS];

static aic_checkpoint expected(void)
{
	return (aic_checkpoint){.identity = aic_sha256_of("x", 1), .step = 7, .parameters = PARAMETERS, .power1 = 1, .power2 = 1,
	                        .section = {weights[0], weights[1], weights[2]}};
}

static void put(const char *path, const uint8_t *data, size_t size)
{
	FILE *f = fopen(path, "w");

	demand(f && fwrite(data, 1, size, f) == size && fclose(f) == 0);
}

/* Its end is a hash: with a true one, so that what is before it is reached. */
static void as_checkpoint(const uint8_t *data, size_t size)
{
	aic_checkpoint c = expected();
	aic_error damaged = {0}, err = {0};

	put(checkpoint_path, data, size);
	if (aic_checkpoint_load(&c, folder, &damaged, &err) != AIC_OK)
		demand(err.message[0]);
	unlink(checkpoint_path);
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
	if (size)
		(data[0] % 2 ? as_model : as_checkpoint)(data + 1, size - 1);
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
	demand(aic_checkpoint_save(&c, folder, 1, NULL) == AIC_OK && aic_file_read(&seed, checkpoint_path, 1 << 20, NULL) == AIC_OK);
	fuzz_seed("checkpoint", 0, seed.data, seed.len);
	aic_bytes_clear(&seed);
	aic_bytes_append(&seed, head, sizeof(head));
	aic_bytes_append_str(&seed, header);
	aic_bytes_append(&seed, weights, 8);
	fuzz_seed("model", 1, seed.data, seed.len);
	aic_bytes_free(&seed);
	unlink(checkpoint_path);
	return 0;
}
