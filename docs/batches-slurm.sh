#!/bin/bash
# Eight jobs convert the clips of one folder on a file system that all nodes see, each a share of them:
#   sbatch batches-slurm.sh clips results
# Once more after a failure or a time limit: it leaves out what is done.
#SBATCH --job-name=background-subtraction
#SBATCH --array=0-7
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
set -euo pipefail

# SLURM sends SIGTERM a minute before the time is over: what is being written is closed, and the manifest says so.
exec background-subtraction -i "$1" -o "$2" --recursive --resume --no_show \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
