/* files.c: aic-train files SPEC: checks a specification, and says what its training reads, for who sends it elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/file.h"
#include "mpi-runner/model.h"
#include "mpi-runner/use.h"

#define SPEC_MAX (1 << 20)

aic_code aic_use_files(const char *path, FILE *out, aic_error *err)
{
	aic_spec *spec = NULL;
	aic_model *model = NULL;
	aic_bytes text = {0};
	aic_code rc = aic_file_read(&text, path, SPEC_MAX, err);

	if (rc == AIC_OK)
		rc = aic_spec_parse(&spec, path, (const char *)text.data, text.len, err);
	if (rc == AIC_OK)
		rc = aic_model_build(&model, spec, err);
	if (rc == AIC_OK) {
		fprintf(out, "name %s\n", spec->name);
		if (spec->asset[0])
			fprintf(out, "asset %s\n", spec->asset);
		if (spec->path[0])
			fprintf(out, "path %s\n", spec->path);
		if (spec->weights[0])
			fprintf(out, "path %s\n", spec->weights);
	}
	aic_model_free(model);
	aic_spec_free(spec);
	aic_bytes_free(&text);
	return rc;
}
