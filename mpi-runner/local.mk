# mpi-runner
