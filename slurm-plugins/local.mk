# slurm-plugins
