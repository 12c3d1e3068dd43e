/* simt_kernels.c: the kernels, compiled for simt.h. */
#include "mpi-runner/kernels/cuda/gemm.cu"
#include "mpi-runner/kernels/cuda/image.cu"
#include "mpi-runner/kernels/cuda/pointwise.cu"
#include "mpi-runner/kernels/cuda/rows.cu"
#include "mpi-runner/kernels/cuda/text.cu"
