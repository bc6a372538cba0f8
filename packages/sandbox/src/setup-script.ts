import { ENTER_NEW_ROOT, FUNCTIONS, GIVE_BACK, LEASH, NAMES, NEW_ROOT, PROC } from './script-parts.js';

/**
 * What process 1 of the sandbox runs, as root of the new namespaces: it makes the file system, gives up the host's, starts the
 * command as a user and group that no account of a runner has, without capabilities and, when that ends, kills all that is left before it hands the files back.
 * All data are positional parameters (state file, empty folder, copy of the source or `-`, command file, `setuid` or `userns`,
 * owner, user inside, options of the file systems in memory, options of prlimit, pairs of read-only binds, `--`, environment); the text is constant, so no input is ever parsed as shell.
 * Its standard input is the leash: when the action closes it, or dies, everything in here is killed. The state file is written
 * through a descriptor that the command does not get, so the command cannot forge it.
 */
export const SETUP_SCRIPT = `set -eu
umask 022
state=$1 root=$2 build=$3 command=$4 identity=$5 owner=$6 uid=$7 memory=$8 limits=$9
shift 9
exec 3<&0 4>>"$state"
${FUNCTIONS}${NEW_ROOT}stage 'bind the toolchain'
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root\${2%/*}"; : >"$root$2"; fi
  bind_ro "$1" "$2"
  shift 2
done
shift
stage 'write /etc'
mkdir -p "$root/etc/ssl"
for folder in /etc/alternatives /etc/ssl/certs /etc/ca-certificates /etc/pki; do
  if [ -d "$folder" ]; then
    mkdir -p "$root$folder"
    bind_ro "$folder" "$folder"
  fi
done
for file in /etc/ld.so.cache /etc/ssl/openssl.cnf; do
  if [ -f "$file" ]; then cp "$file" "$root$file"; fi
done
printf 'root:x:0:0::/nonexistent:/usr/sbin/nologin\\nbuild:x:%s:%s::/tmp/home:/bin/sh\\n' "$uid" "$uid" >"$root/etc/passwd"
printf 'root:x:0:\\nbuild:x:%s:\\n' "$uid" >"$root/etc/group"
${NAMES}stage 'make /dev'
mkdir "$root/dev"
fill_dev "$root/dev"
mount -t tmpfs -o "$memory,nosuid,nodev" paved "$root/dev/shm"
${PROC}stage 'mount /tmp'
mkdir "$root/tmp"
mount -t tmpfs -o "$memory,nosuid,nodev" paved "$root/tmp"
mkdir "$root/tmp/home"
stage 'bind the copy of the source'
mkdir -p "$root/build" "$root/paved"
if [ "$build" = - ]; then mount -t tmpfs -o "$memory" paved "$root/build"; else mount --bind "$build" "$root/build"; fi
mount -o remount,bind,nosuid,nodev "$root/build"
cp "$command" "$root/paved/command"
if command -v ip >/dev/null; then ip link set lo up || :; fi
if command -v hostname >/dev/null; then hostname build 2>/dev/null || :; fi
stage 'give the files to the build user'
if [ "$identity" = setuid ]; then chown -hR "$uid:$uid" "$root/build" "$root/tmp/home"; fi
${ENTER_NEW_ROOT}stage 'start the command'
cd /build
set +e
${LEASH}shell='/bin/sh -e'
bounds=''
if [ -n "$limits" ]; then bounds="prlimit $limits --"; fi
if [ -x /bin/bash ]; then shell='/bin/bash --noprofile --norc -e -o pipefail'; fi
if [ "$identity" = setuid ]; then
  setsid --wait setpriv --reuid "$uid" --regid "$uid" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \\
    -- $bounds env -i "$@" $shell /paved/command </dev/null 4>&-
else
  unshare --user --map-user "$uid" --map-group "$uid" --keep-caps \\
    setsid --wait setpriv --no-new-privs --ambient-caps=-all --inh-caps=-all --bounding-set=-all -- \\
    $bounds env -i "$@" $shell /paved/command </dev/null 4>&-
fi
status=$?
${GIVE_BACK}printf 'exit %s\\n' "$status" >&4
`;
