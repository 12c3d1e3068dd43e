/* vrf_fuzz.c: proofs of the lottery come in headers of blocks that others made. The input is read as a key, a proof and what was asked,
 * and as bits that bend an honest proof: what passes stands for one output, and nothing passes beside the honest proof. */
#include "common/vrf.h"
#include "tests/fuzz/fuzz.h"

static const char asked[] = "block";
static aic_key key;
static uint8_t honest[AIC_VRF_PROOF_LEN];

static void as_foreign(const uint8_t *data, size_t size)
{
	uint8_t output[AIC_VRF_OUTPUT_LEN], again[AIC_VRF_OUTPUT_LEN];
	const uint8_t *proof = data + AIC_PUBLIC_LEN, *input = proof + AIC_VRF_PROOF_LEN;

	if (!aic_vrf_verify(output, data, proof, input, size - (size_t)(input - data)))
		return;
	demand(aic_vrf_key_valid(data));
	demand(aic_vrf_output(again, proof) && !memcmp(output, again, sizeof(output)));
}

static void as_bent(const uint8_t *data, size_t size)
{
	uint8_t bent[AIC_VRF_PROOF_LEN];

	memcpy(bent, honest, sizeof(bent));
	for (size_t i = 0; i < size && i < sizeof(bent); i++)
		bent[i] ^= data[i];
	demand(aic_vrf_verify(NULL, key.public_key, bent, asked, sizeof(asked)) == !memcmp(bent, honest, sizeof(bent)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size >= AIC_PUBLIC_LEN + AIC_VRF_PROOF_LEN)
		as_foreign(data, size);
	as_bent(data, size);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t secret[AIC_SECRET_LEN] = { 1 };
	uint8_t whole[AIC_PUBLIC_LEN + AIC_VRF_PROOF_LEN + sizeof(asked)];

	(void)argc, (void)argv;
	aic_key_from_secret(&key, secret);
	aic_vrf_prove(honest, &key, asked, sizeof(asked));
	memcpy(whole, key.public_key, AIC_PUBLIC_LEN);
	memcpy(whole + AIC_PUBLIC_LEN, honest, sizeof(honest));
	memcpy(whole + AIC_PUBLIC_LEN + sizeof(honest), asked, sizeof(asked));
	fuzz_seed("honest", -1, whole, sizeof(whole));
	fuzz_seed("none", -1, "", 1);
	return 0;
}
