/* yaml_fuzz.c: any text as a YAML document: a tree that can be walked and asked, or one sentence that starts with the file. */
#include <stdlib.h>
#include <string.h>

#include "common/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(const aic_yaml_node *n, int depth)
{
	char text[16];
	uint64_t number;
	bool flag;
	double real;
	aic_amount amount;
	if (depth > 32 || aic_yaml_line(n) < 1)
		abort();
	for (size_t i = 0; i < aic_yaml_count(n); i++) {
		if (aic_yaml_kind_of(n) == AIC_YAML_LIST) {
			walk(aic_yaml_item(n, i), depth + 1);
			continue;
		}
		const char *key = aic_yaml_key(n, i);
		aic_yaml_unknown(n, NULL);
		aic_yaml_get_text(n, key, text, sizeof text, NULL);
		aic_yaml_get_uint(n, key, &number, 0, UINT64_MAX, NULL);
		aic_yaml_get_bool(n, key, &flag, NULL);
		aic_yaml_get_double(n, key, &real, -1e300, 1e300, NULL);
		aic_yaml_get_amount(n, key, &amount, NULL);
		walk(aic_yaml_value(n, i), depth + 1);
	}
	if (aic_yaml_unknown(n, NULL) != AIC_OK)
		abort(); /* all of them were asked for */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_yaml *y;
	aic_error err = {0};
	if (aic_yaml_parse(&y, "fuzz", (const char *)data, size, &err) == AIC_OK) {
		walk(aic_yaml_root(y), 0);
		aic_yaml_free(y);
	} else if (strncmp(err.message, "fuzz", 4) != 0) {
		abort();
	}
	return 0;
}
