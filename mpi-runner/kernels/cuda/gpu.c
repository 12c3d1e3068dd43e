/* gpu.c: one GPU: memory, order of work, failures. The module's only symbol for others is aic_gpu_module. */
#include "mpi-runner/kernels/cuda/gpu.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "mpi-runner/optimizer.h"

extern const aic_gpu_kind aic_gpu_module;

static cuda_gpu *own(aic_gpu *g)
{
	return (cuda_gpu *)g;
}

bool aic_cuda_failed(cuda_gpu *g, cudaError_t e, const char *what)
{
	if (e != cudaSuccess && !g->failed) {
		g->failed = true;
		aic_fail(&g->failure, AIC_SYSTEM, "%s: %s failed: %s", g->base.name, what, cudaGetErrorString(e));
	}
	return e != cudaSuccess;
}

static aic_code open_gpu(aic_gpu **out, unsigned ordinal, bool fast, aic_error *err)
{
	struct cudaDeviceProp prop;
	int count = 0;
	char bus[32] = "", host[256] = "";

	*out = NULL;
	cudaError_t e = cudaGetDeviceCount(&count);
	if (e != cudaSuccess || count == 0)
		return aic_fail(err, AIC_NOT_FOUND, "there is no usable GPU: %s", cudaGetErrorString(e == cudaSuccess ? cudaErrorNoDevice : e));
	int device = (int)(ordinal % (unsigned)count);
	cuda_gpu *g = aic_xcalloc(1, sizeof(*g));
	g->base.kind = &aic_gpu_module;
	snprintf(g->base.name, sizeof(g->base.name), "GPU %d", device);
	if (!aic_cuda_failed(g, cudaSetDevice(device), "selecting it") &&
	    !aic_cuda_failed(g, cudaGetDeviceProperties(&prop, device), "asking for its properties") &&
	    !aic_cuda_failed(g, cudaStreamCreate(&g->stream), "opening a stream") &&
	    !aic_cuda_failed(g, cudaDeviceGetPCIBusId(bus, sizeof(bus), device), "asking for its address")) {
		snprintf(g->base.name, sizeof(g->base.name), "%.90s", prop.name);
		gethostname(host, sizeof(host) - 1);
		snprintf(g->base.place, sizeof(g->base.place), "%.40s/%.20s", host, bus);
		if (fast)
			aic_cuda_fast_open(g);
	}
	if (!g->failed) {
		*out = &g->base;
		return AIC_OK;
	}
	*err = g->failure;
	aic_cuda_fast_close(g);
	free(g);
	return err->code;
}

static void close_gpu(aic_gpu *base)
{
	cuda_gpu *g = own(base);

#ifdef AIC_WITH_NCCL
	aic_cuda_leave(g);
#endif
	cudaStreamSynchronize(g->stream);
	cudaFree(g->norm_room);
	aic_cuda_fast_close(g);
	cudaStreamDestroy(g->stream);
	free(g);
}

static void *room(aic_gpu *base, size_t bytes)
{
	cuda_gpu *g = own(base);
	void *p = NULL;
	size_t have = 0, total = 0;

	if (g->failed)
		return NULL;
	cudaError_t e = cudaMalloc(&p, bytes ? bytes : 1);
	if (e == cudaErrorMemoryAllocation) {
		cudaMemGetInfo(&have, &total);
		g->failed = true;
		aic_fail(&g->failure, AIC_FULL, "%s: %zu MiB more are needed, %zu of %zu MiB are free: set train: micro_batch, or a smaller one",
		         g->base.name, (bytes >> 20) + 1, have >> 20, total >> 20);
		return NULL;
	}
	if (aic_cuda_failed(g, e, "allocating memory") || aic_cuda_failed(g, cudaMemsetAsync(p, 0, bytes, g->stream), "clearing memory"))
		return NULL;
	return p;
}

static void release(aic_gpu *base, void *p)
{
	(void)base;
	cudaFree(p);
}

static void upload(aic_gpu *base, void *to, const void *from, size_t bytes)
{
	cuda_gpu *g = own(base);
	if (!g->failed)
		aic_cuda_failed(g, cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, g->stream), "copying to it");
}

static void download(aic_gpu *base, void *to, const void *from, size_t bytes)
{
	cuda_gpu *g = own(base);

	memset(to, 0, g->failed ? bytes : 0);
	if (!g->failed && !aic_cuda_failed(g, cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, g->stream), "copying from it"))
		aic_cuda_failed(g, cudaStreamSynchronize(g->stream), "its work");
}

static void zero(aic_gpu *base, void *p, size_t bytes)
{
	cuda_gpu *g = own(base);
	if (!g->failed)
		aic_cuda_failed(g, cudaMemsetAsync(p, 0, bytes, g->stream), "clearing memory");
}

static void set(aic_gpu *base, float *at, float value)
{
	if (!own(base)->failed)
		aic_cu_set(own(base)->stream, at, value);
}

static void add(aic_gpu *base, size_t n, const float *x, float *y)
{
	if (!own(base)->failed)
		aic_cu_add(own(base)->stream, n, x, y);
}

static void number(aic_gpu *base, const uint64_t *count, float *to)
{
	if (!own(base)->failed)
		aic_cu_number(own(base)->stream, count, to);
}

static void loss(aic_gpu *base, aic_pass *p, float scale, float *sum, uint64_t *correct)
{
	cuda_gpu *g = own(base);
	size_t rows = aic_pass_rows(p), n = p->model->spec->outputs;
	const float *y = aic_pass_output(p);
	bool classes = p->model->spec->loss == AIC_LOSS_CROSS_ENTROPY;

	if (g->failed)
		return;
	if (classes)
		aic_cu_cross_entropy(g->stream, rows, n, y, p->live_class, scale, p->grads ? p->gradient[0] : NULL, p->row_loss, p->row_best);
	else
		aic_cu_squared(g->stream, rows, n, y, p->live_target, scale, p->gradient[0], p->row_loss, p->row_best);
	aic_cu_score(g->stream, rows, p->row_loss, p->row_best, classes ? p->live_class : NULL, sum, correct);
}

static float norm(aic_gpu *base, const float *v, size_t n)
{
	cuda_gpu *g = own(base);
	size_t chunks = (n + AIC_NORM_CHUNK - 1) / AIC_NORM_CHUNK;
	float sum = 0.0f;

	if (g->norm_chunks < chunks) {
		release(base, g->norm_room);
		g->norm_room = room(base, (chunks + 1) * sizeof(float));
		g->norm_chunks = chunks;
	}
	if (g->failed)
		return 0.0f;
	aic_cu_chunk_squares(g->stream, n, AIC_NORM_CHUNK, v, g->norm_room);
	aic_cu_chain(g->stream, chunks, g->norm_room, g->norm_room + g->norm_chunks);
	download(base, &sum, g->norm_room + g->norm_chunks, sizeof(sum));
	return sqrtf(sum);
}

static void adamw(aic_gpu *base, size_t n, const aic_adamw_step *s, const float *gradient, float *w, float *m, float *v)
{
	if (!own(base)->failed)
		aic_cu_adamw(own(base)->stream, n, s->lr, s->beta1, s->beta2, s->eps, s->decay, s->correct1, s->correct2, s->scale, gradient, w, m, v);
}

static void momentum(aic_gpu *base, size_t n, float lr, float keep, float decay, float scale, const float *gradient, float *w, float *m)
{
	if (!own(base)->failed)
		aic_cu_momentum(own(base)->stream, n, lr, keep, decay, scale, gradient, w, m);
}

static aic_code check(aic_gpu *base, aic_error *err)
{
	cuda_gpu *g = own(base);

	if (!g->failed && !aic_cuda_failed(g, cudaGetLastError(), "starting a kernel"))
		aic_cuda_failed(g, cudaStreamSynchronize(g->stream), "its work");
	if (g->failed)
		*err = g->failure;
	return g->failed ? err->code : AIC_OK;
}

const aic_gpu_kind aic_gpu_module = {
	.version = AIC_GPU_MODULE_VERSION,
	.open = open_gpu,
	.close = close_gpu,
	.room = room,
	.release = release,
	.upload = upload,
	.download = download,
	.zero = zero,
	.set = set,
	.add = add,
	.number = number,
	.forward = aic_cuda_forward,
	.backward = aic_cuda_backward,
	.loss = loss,
	.norm = norm,
	.adamw = adamw,
	.momentum = momentum,
	.check = check,
#ifdef AIC_WITH_NCCL
	.joins = true,
	.join = aic_cuda_join,
	.tree_sum = aic_cuda_tree_sum,
#endif
};
