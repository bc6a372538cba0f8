import { ENTER_NEW_ROOT, FUNCTIONS, GIVE_BACK, LEASH, NAMES, NEW_ROOT, PROC } from './script-parts.js';

/**
 * What process 1 of a container's namespaces runs, as root of them: it makes a file system in memory out of the image's tar, gives up
 * the host's, asks the image's own loader for missing libraries, starts the entry point as process 1 of a process namespace of its
 * own (as a runtime does, so that a signal without a handler is ignored as it is there), looks at its ports, runs the project's
 * script beside it, and sends the stop signal.
 * All data are positional parameters (state file, empty folder, tar, copy of the source or `-`, file with the script's command,
 * `setuid` or `userns`, owner, user of the script; user and group of the image, working folder, stop signal, seconds to settle, for
 * ports and to stop, options of the file system in memory, loader of the image or `-`; file that it is asked about; ports as
 * `tcp/8080=1F90`, `--`, environment and arguments of the entry point); the text is constant, so no input is ever parsed as shell.
 * Standard input is the leash. The state file is written through a descriptor that neither the image nor the script gets.
 * The environment of the image is set by a copy of env(1) that was started without privileges: LD_PRELOAD out of an image must
 * never be seen by a program that may still change its root or its user.
 */
export const CONTAINER_SCRIPT = `set -eu
umask 022
state=$1 root=$2 tar=$3 build=$4 script=$5 identity=$6 owner=$7 tester=$8 uid=$9
shift 9
gid=$1 workdir=$2 signal=$3 settle=$4 wait=$5 grace=$6 memory=$7 loader=$8 program=$9
shift 9
exec 3<&0 4>>"$state"
${FUNCTIONS}say() { printf '%s\\n' "$1" >&4; }
${NEW_ROOT}stage 'write /etc'
mkdir -p "$root/etc"
for file in /etc/ld.so.cache; do
  if [ -f "$file" ]; then cp "$file" "$root$file"; fi
done
if [ -d /etc/alternatives ]; then mkdir "$root/etc/alternatives"; bind_ro /etc/alternatives /etc/alternatives; fi
printf 'root:x:0:0::/nonexistent:/usr/sbin/nologin\\ntest:x:%s:%s::/tmp:/bin/sh\\n' "$tester" "$tester" >"$root/etc/passwd"
printf 'root:x:0:\\ntest:x:%s:\\n' "$tester" >"$root/etc/group"
${NAMES}devices() {
  mount -t tmpfs -o "mode=0755,nosuid,size=64k" paved "$1"
  fill_dev "$1"
  mount -t tmpfs -o "mode=1777,nosuid,nodev,size=64m" paved "$1/shm"
}
stage 'make /dev'
mkdir "$root/dev"
devices "$root/dev"
${PROC}stage 'mount /tmp'
mkdir "$root/tmp"
mount -t tmpfs -o "mode=1777,nosuid,nodev,size=64m" paved "$root/tmp"
stage 'unpack the image'
mkdir "$root/image" "$root/paved"
mount -t tmpfs -o "mode=0755,nosuid,nodev,$memory" paved "$root/image"
keep=--no-same-owner
if [ "$identity" = setuid ]; then keep=--same-owner; fi
tar -x -p --numeric-owner "$keep" -f "$tar" -C "$root/image" --warning=no-timestamp
stage 'complete the image'
# A link in place of one of these would make root write somewhere else.
for folder in dev proc etc .paved; do
  if [ -L "$root/image/$folder" ] || { [ -e "$root/image/$folder" ] && [ ! -d "$root/image/$folder" ]; }; then
    rm -f "$root/image/$folder"
  fi
done
rm -rf "$root/image/.paved"
mkdir -p "$root/image/dev" "$root/image/proc" "$root/image/etc"
if [ ! -e "$root/image/tmp" ] && [ ! -L "$root/image/tmp" ]; then mkdir -m 1777 "$root/image/tmp"; fi
devices "$root/image/dev"
for file in hosts resolv.conf hostname; do rm -rf "$root/image/etc/$file"; done
cp "$root/etc/hosts" "$root/image/etc/hosts"
mkdir "$root/image/.paved"
for file in $(ldd /usr/bin/env | grep -o '/[^ ]*'); do cp -L "$file" "$root/image/.paved/"; done
cp -L /usr/bin/env "$root/image/.paved/env"
env_loader=''
for file in "$root"/image/.paved/ld-*; do env_loader=/.paved/\${file##*/}; done
stage 'find the loader of the machine'
[ -n "$env_loader" ]
[ -f "$root/image$env_loader" ]
stage 'bind the copy of the source'
mkdir "$root/build"
if [ "$build" != - ]; then
  mount --bind "$build" "$root/build"
  mount -o remount,bind,nosuid,nodev "$root/build"
  cp "$script" "$root/paved/script"
  if [ "$identity" = setuid ]; then chown -hR "$tester:$tester" "$root/build"; fi
fi
# A pipe that others may open again: programs write to /dev/stdout.
mkfifo "$root/paved/output" "$root/paved/loader"
chmod 0666 "$root/paved/output" "$root/paved/loader"
if command -v ip >/dev/null; then ip link set lo up || :; fi
# As container engines have it: a program without capabilities may listen on port 80 of this network.
{ echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start; } 2>/dev/null || :
if command -v hostname >/dev/null; then hostname container 2>/dev/null || :; fi
${ENTER_NEW_ROOT}stage 'start the container'
ports=''
while [ "$1" != -- ]; do
  ports="$ports $1"
  shift
done
shift
set +e
${LEASH}# A program of the image, with root, user and process namespace of its own. Replaces the shell that calls it.
inside() {
  if [ "$identity" = setuid ]; then
    exec unshare --mount --pid --ipc --uts --fork --kill-child=KILL --mount-proc=/image/proc -- \\
      setpriv --no-new-privs --inh-caps=-all --bounding-set=-all,+sys_chroot,+setuid,+setgid -- \\
      prlimit --core=0 --nproc=4096 -- \\
      unshare --root /image --wd "$workdir" --setgid "$gid" --setuid "$uid" -- \\
      "$env_loader" --library-path /.paved /.paved/env -i "$@"
  fi
  exec unshare --mount --pid --ipc --uts --fork --kill-child=KILL --mount-proc=/image/proc -- \\
    setpriv --no-new-privs --inh-caps=-all -- prlimit --core=0 -- \\
    unshare --user --map-user "$uid" --map-group "$gid" --root /image --wd "$workdir" -- \\
    "$env_loader" --library-path /.paved /.paved/env -i "$@"
}
if [ "$loader" != - ]; then
  { head -c 65536; cat >/dev/null; } </paved/loader | tr -c '[:print:]\\n' ' ' | sed 's/^/library /' >&4 &
  reader=$!
  ( inside LC_ALL=C "$loader" --list "$program" </dev/null >/paved/loader 2>&1 4>&- )
  status=$?
  wait "$reader"
  say "libraries $status"
fi
cat </paved/output >&2 4>&- &
( inside "$@" </dev/null >/paved/output 2>&1 4>&- ) &
app=$!
# A process that ended is there until it is waited for.
running() {
  now=$(sed -n 's/^State:[[:space:]]*//p' "/proc/$app/status" 2>/dev/null)
  case "$now" in '' | Z* | X*) return 1 ;; esac
}
waited=0
# Tenths of a second.
while [ "$waited" -lt "$((settle * 10))" ] && running; do sleep 0.1; waited=$((waited + 1)); done
waited=0
for port in $ports; do
  kind=\${port%%/*}
  # Any address or loopback, of both families; 0A: listens, 07: has an address (proc(5)).
  listens="^ *[0-9]+: (0{8}|0100007F|0{32}|0{24}01000000|0{16}FFFF00000100007F):\${port#*=} [0-9A-F]+:0000 (0A|07) "
  until cat "/proc/net/$kind" "/proc/net/\${kind}6" 2>/dev/null | grep -Eq "$listens"; do
    if [ "$waited" -ge "$((wait * 10))" ] || ! running; then continue 2; fi
    sleep 0.1
    waited=$((waited + 1))
  done
  say "port \${port%%=*}"
done
early=no
if ! running; then
  wait "$app"
  say "ended $?"
  early=yes
fi
if [ "$build" != - ]; then
  (
    cd /build || exit 125
    if [ "$identity" = setuid ]; then
      exec setsid --wait setpriv --reuid "$tester" --regid "$tester" --clear-groups --no-new-privs --bounding-set=-all \\
        --inh-caps=-all -- prlimit --core=0 --nproc=4096 -- env -i /bin/sh -e /paved/script
    fi
    exec unshare --user --map-user "$tester" --map-group "$tester" --keep-caps \\
      setsid --wait setpriv --no-new-privs --ambient-caps=-all --inh-caps=-all --bounding-set=-all -- \\
      prlimit --core=0 -- env -i /bin/sh -e /paved/script
  ) </dev/null 4>&-
  say "script $?"
fi
if [ "$early" = no ] && ! running; then
  wait "$app"
  say "died $?"
elif [ "$early" = no ]; then
  status=$(grep -l "^PPid:[[:space:]]*$app$" /proc/[0-9]*/status 2>/dev/null | head -n 1)
  process=\${status#/proc/}
  kill -s "$signal" "\${process%/status}"
  waited=0
  while [ "$waited" -lt "$((grace * 10))" ] && running; do sleep 0.1; waited=$((waited + 1)); done
  if running; then say unstopped; else wait "$app"; say "stopped $?"; fi
fi
${GIVE_BACK}printf 'exit 0\\n' >&4
`;
