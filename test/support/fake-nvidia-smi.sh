#!/bin/sh
# A stand-in for nvidia-smi. It obeys the word in the file `mode` beside itself, writes a line per
# start to `starts`, and one to `overlaps` when another of its kind still lives.
here=$(dirname "$0")
mode=$(cat "$here/mode" 2>/dev/null || echo ok)

for pid in $(cat "$here/starts" 2>/dev/null); do
  # A zombie that nobody has reaped yet runs no more.
  case "$(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null)" in
    '' | Z | X) ;;
    *) echo "$$ beside $pid" >>"$here/overlaps" ;;
  esac
done
echo $$ >>"$here/starts"

columns=
interval=1
while [ $# -gt 0 ]; do
  case "$1" in
    --query-gpu=*) columns=${1#--query-gpu=} ;;
    -lms) interval=$(awk "BEGIN { print $2 / 1000 }"); shift ;;
  esac
  shift
done

refuse() {
  echo "Field \"$1\" is not a valid field to query."
  echo
  exit 2
}

# cell <column> <gpu> <count>
cell() {
  case "$1" in
    count) echo "$3" ;;
    index) echo "$2" ;;
    uuid) echo "GPU-11111111-0000-0000-0000-00000000000$2" ;;
    name) echo "NVIDIA H200" ;;
    driver_version) echo "580.173.02" ;;
    pci.bus_id) echo "00000000:8$2:00.0" ;;
    *)
      case "$mode" in
        not_available) echo "[N/A]" ;;
        not_supported) echo "[Not Supported]" ;;
        unknown_error) echo "[Unknown Error]" ;;
        corrupt) echo "4294967295" ;;
        not_numbers) echo "ERR!" ;;
        *) value "$1" ;;
      esac
      ;;
  esac
}

value() {
  case "$1" in
    serial) echo "1650000000001" ;;
    vbios_version) echo "96.00.A5.00.03" ;;
    utilization.gpu) echo "87" ;;
    utilization.memory) echo "41" ;;
    memory.total) echo "143771" ;;
    memory.used) echo "70000" ;;
    memory.free) echo "73155" ;;
    memory.reserved) echo "616" ;;
    temperature.gpu) echo "61" ;;
    temperature.memory) echo "65" ;;
    fan.speed) echo "[N/A]" ;;
    power.draw) echo "412.35" ;;
    enforced.power.limit) echo "700.00" ;;
    clocks.current.sm) echo "1975" ;;
    pstate) echo "P0" ;;
    gpu_recovery_action) echo "None" ;;
    ecc.mode.current) echo "Enabled" ;;
    ecc.errors.corrected.volatile.total) echo "1" ;;
    retired_pages.*) echo "[N/A]" ;;
    remapped_rows.pending) echo "Yes" ;;
    mig.mode.current) echo "Disabled" ;;
    clocks_event_reasons.active) echo "0x0000000000000084" ;;
    clocks_throttle_reasons.active) echo "0x0000000000000020" ;;
    *) echo "3" ;;
  esac
}

# row <gpu> <count>
row() {
  line=
  for column in $(echo "$columns" | tr ',' ' '); do
    line="$line, $(cell "$column" "$1" "$2")"
  done
  echo "${line#, }"
}

stream() {
  first=$(row 0 2)
  second=$(row 1 2)
  frames=0
  while [ "$frames" -lt "$1" ]; do
    printf '%s\n%s\n' "$first" "$second"
    frames=$((frames + 1))
    sleep "$interval"
  done
}

case "$mode" in
  slow) sleep 0.6; stream 100000 ;;
  hang) trap '' TERM; while :; do sleep 1; done ;;
  hang_later) stream 3; trap '' TERM; while :; do sleep 1; done ;;
  vanish) stream 3; only=$(row 0 1); while :; do echo "$only"; sleep "$interval"; done ;;
  exit_255) echo "Unable to determine the device handle for GPU0000:83:00.0: Unknown Error"; exit 255 ;;
  garbage) while :; do head -c 400 /dev/urandom; echo; sleep 0.05; done ;;
  no_devices) echo "No devices were found"; exit 6 ;;
  mismatch)
    echo "Failed to initialize NVML: Driver/library version mismatch"
    echo "NVML library version: 580.173"
    exit 18
    ;;
  old)
    for column in clocks_event_reasons.active gpu_recovery_action remapped_rows.pending; do
      case ",$columns," in *",$column,"*) refuse "$column" ;; esac
    done
    stream 100000
    ;;
  *) stream 100000 ;;
esac
