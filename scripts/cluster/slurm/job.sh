# Sourced by the job files in this folder, in a Slurm job: `train` starts mnist train under srun, forwards Slurm's
# warning signal to it, and requeues the job until the run is finished.
#
# A job file first sets home, mnist, data, run, options, srun_options and max_restarts; cpu.sbatch explains them.
#
# A job ends with the exit code of mnist train. It is requeued after the codes
#   85, 138   stopped by Slurm's SIGUSR1, after a checkpoint or before the run started
#   75, 137   a process was lost, or killed
#   143       stopped by SIGTERM at the time limit or for a job of higher priority, but not by scancel
# shellcheck shell=bash disable=SC2154

cd "${home:?}" || exit
# shellcheck source=scripts/common.sh
source scripts/common.sh
case "${1-}" in
  -h | --help) print_head_comment "$0" && exit ;;
esac
[ -n "${SLURM_JOB_ID-}" ] || fail 2 "$0 is a job of Slurm" "sbatch $0"

restarts=${SLURM_RESTART_COUNT:-0}
step= # the process of srun
asked=  # SIGUSR1 came
ending= # SIGTERM came

say() { echo "$(date +%T) job $SLURM_JOB_ID: $*"; }

# Sends SIGUSR1 until srun has ended: srun loses a signal that comes before its tasks run, and mnist ignores a second
# one. SIGTERM is never handed on: srun would kill its tasks at once.
hand_on() {
  while kill -USR1 "$step" 2>/dev/null; do sleep 15; done
}

on_warning() {
  asked=1
  say "SIGUSR1: asks mnist to write a checkpoint and stop"
  [ -z "$step" ] || hand_on &
}

# Slurm sends SIGTERM to the tasks too, at the same moment; whoever sends it to this script alone means them as well.
on_end() {
  ending=1
  say "SIGTERM: waits for mnist to write a checkpoint"
  if [ -n "$step" ]; then
    { sleep 10 && hand_on; } &
  fi
}

newest_checkpoint() {
  compgen -G "$run/checkpoints/step-*.pt" | tail -n 1 || true # in order
}

# Prints why Slurm is ending this job: "time limit", "preempted" (and has time left), "requeued" (by Slurm itself, or by
# whoever called scontrol) or "cancelled"; nothing if it is not.
reason_to_end() {
  local record
  record=$(scontrol --oneliner show job "$SLURM_JOB_ID") || record=" JobState=RUNNING "
  if [[ "$record" =~ \ Restarts=([0-9]+) && "${BASH_REMATCH[1]}" -gt "$restarts" ]]; then
    echo requeued
    return
  fi
  case "$record" in
    *" PreemptTime="[0-9]*) echo preempted ;;
    *" Reason=TimeLimit "*) echo "time limit" ;;
    *" JobState=RUNNING "*) ;;
    *) echo cancelled ;;
  esac
}

# may_start_again CODE CHECKPOINT: whether to put a job back into the queue that ended with that exit code; says why not.
# CHECKPOINT: the newest one when it began.
may_start_again() {
  local code=$1 reason
  case $code in
    75 | 85 | 129 | 130 | 137 | 138 | 143) ;;
    *) say "exit code $code: not started again" && return 1 ;;
  esac
  reason=$(reason_to_end)
  if [ "$reason" = requeued ]; then
    say "exit code $code: Slurm has put the job back into the queue" && return 1
  elif [ "$reason" = cancelled ]; then
    # Slurm would bring it back to life.
    say "cancelled: not started again" && return 1
  elif [[ -z "$reason$asked" && ( -n "$ending" || "$code" =~ ^(129|130|138|143)$ ) ]]; then
    say "stopped by a signal, not by Slurm: not started again" && return 1
  elif [[ "$code" =~ ^(75|137)$ && "$restarts" -ge 3 && "$(newest_checkpoint)" == "$2" ]]; then
    say "a process was lost, and there is no new checkpoint since this start: not started again" && return 1
  elif [ "$restarts" -ge "$max_restarts" ]; then
    say "started again $restarts times, which is max_restarts: not started again" && return 1
  fi
  say "exit code $code${reason:+, $reason}: back into the queue"
}

# train [ARGUMENT...]: of mnist train, after those in `options`.
train() {
  local code=0 before start="start again $restarts" threads=${SLURM_CPUS_PER_TASK:-1}
  [ -x "$mnist" ] || fail 2 "there is no program '$mnist' in $home" "scripts/run build"
  run=${run:-runs/$SLURM_JOB_NAME-$SLURM_JOB_ID}
  before=$(newest_checkpoint)
  [ "$restarts" != 0 ] || start="first start"
  say "$start, on $SLURM_JOB_NODELIST, run directory $run"

  trap on_warning USR1
  trap on_end TERM
  # The rank that writes the checkpoint ends last: the others' exit codes must not end it. Ranks notice by themselves
  # when one is lost; --wait ends those that don't. Since Slurm 22.05 srun does not know the job's --cpus-per-task.
  srun --kill-on-bad-exit=0 --wait=300 --cpus-per-task="$threads" "${srun_options[@]}" \
    "$mnist" train --data-dir "$data" --threads "$threads" --run-dir "$run" --resume auto --output "$run/model.pt" \
    "${options[@]}" "$@" &
  step=$!
  [ -z "$asked" ] || hand_on &
  # A signal ends `wait` before srun has ended.
  while kill -0 $step 2>/dev/null; do wait $step || true; done
  wait $step || code=$?

  [ "$code" != 0 ] || { say "finished" && exit; }
  may_start_again "$code" "$before" || exit "$code"
  trap '' TERM # which Slurm answers with, also to scontrol
  scontrol requeue "$SLURM_JOB_ID" ||
    say "Slurm does not take it; start it again: sbatch the same file with run=$run"
  exit "$code"
}
