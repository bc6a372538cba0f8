/**
 * What the scripts of process 1 have in common: text of /bin/sh over their variables `root`, `build`, `identity` and `owner`.
 * `stage NAME` writes to the state file where the script is, `bind_ro SOURCE TARGET` shows a path below the root, read-only, and
 * `fill_dev FOLDER` has the devices that every program expects.
 */
export const FUNCTIONS = `stage() { printf 'stage %s\\n' "$1" >&4; }
bind_ro() {
  mount --bind "$1" "$root$2"
  mount -o remount,bind,ro,nosuid,nodev "$root$2"
}
fill_dev() {
  for device in null zero full random urandom; do
    : >"$1/$device"
    mount --bind "/dev/$device" "$1/$device"
  done
  ln -s /proc/self/fd "$1/fd"
  ln -s /proc/self/fd/0 "$1/stdin"
  ln -s /proc/self/fd/1 "$1/stdout"
  ln -s /proc/self/fd/2 "$1/stderr"
  mkdir "$1/shm"
}
`;

/** An empty root in memory, with the programs of the machine in it. */
export const NEW_ROOT = `stage 'make the mounts private'
mount --make-rprivate /
stage 'mount the new root'
mount -t tmpfs -o mode=0755,nosuid,nodev,size=16m paved "$root"
stage 'bind the system folders'
for folder in /usr /bin /sbin /lib /lib32 /lib64 /libx32 /opt; do
  if [ -L "$folder" ]; then
    ln -s "$(readlink "$folder")" "$root$folder"
  elif [ -d "$folder" ]; then
    mkdir "$root$folder"
    bind_ro "$folder" "$folder"
  fi
done
`;

/** Names that are found without a network, and no accounts but those of the files. */
export const NAMES = `printf '127.0.0.1 localhost\\n::1 localhost\\n' >"$root/etc/hosts"
printf 'passwd: files\\ngroup: files\\nhosts: files\\n' >"$root/etc/nsswitch.conf"
`;

export const PROC = `stage 'mount /proc'
mkdir "$root/proc"
mount -t proc -o nosuid,nodev,noexec,hidepid=2 proc "$root/proc"
`;

/** Gives up the host's file system; what is left cannot be written at its root. */
export const ENTER_NEW_ROOT = `stage 'enter the new root'
mkdir "$root/.host"
cd "$root"
pivot_root . .host
cd /
umount -l /.host
rmdir /.host
mount -o remount,bind,ro,nosuid,nodev /
`;

/** Standard input, kept as descriptor 3: when it is closed, everything in the process namespace is killed. */
export const LEASH = `{ read -r _; kill -s KILL -- -1; } <&3 4>&- >/dev/null 2>&1 &
exec 3<&-
`;

/** Nobody is left to write when the copy of the source goes back to its owner. */
export const GIVE_BACK = `kill -s KILL -- -1 2>/dev/null
wait
if [ "$build" != - ]; then
  if [ "$identity" = setuid ]; then chown -hR "$owner" /build; fi
  chmod -R u+rwX /build
fi
`;
