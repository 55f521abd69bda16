# shellcheck shell=bash disable=SC2154
# What systemd/install and tests/run share: one line a step, the output of a step only where it fails, root, packages.
# The script that reads this sets program (its name in messages) and work (a folder of its own, for the log).

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

step() {
        printf '%s: %s\n' "$program" "$*"
}

fail() {
        printf '%s: %s\n' "$program" "$*" >&2
        exit 1
}

usage_error() {
        printf "%s: %s; '%s --help' tells what there is\n" "$program" "$1" "$program" >&2
        exit 2
}

# quietly WHAT COMMAND...: runs it without input; where it fails shows the end of what it said, and that WHAT failed.
quietly() {
        local what=$1
        shift
        if ! "$@" >"$work/log" 2>&1 </dev/null; then
                tail -n 40 "$work/log" >&2
                fail "$what failed; above is what ${1##*/} said last"
        fi
}

# become_root SCRIPT ARGUMENT...: goes on as root, or ends with what to type. A proxy that apt may need comes along.
become_root() {
        local script=$1 keep=() line
        [ "$(id -u)" -ne 0 ] || return 0
        line=$(printf '%q ' "$@")
        line=${line% }
        command -v sudo >/dev/null || fail "this takes root, and sudo is not installed here; type:  su -c ${line@Q}"
        [ -z "${http_proxy:-}${https_proxy:-}" ] || keep=(--preserve-env=http_proxy,https_proxy,no_proxy)
        step "becoming root with sudo"
        shift
        exec sudo "${keep[@]}" -- bash "$script" "$@"
}

# missing_packages PACKAGE...: those that are not installed.
missing_packages() {
        comm -23 <(printf '%s\n' "$@" | sort -u) \
                <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null | sed -n 's/ installed$//p' | sort -u)
}

# debian_packages PACKAGE...: installs what is missing. Asks the network for nothing where nothing is.
debian_packages() {
        local missing
        command -v apt-get >/dev/null || fail "no apt-get here: memtide is built for Debian 12"
        mapfile -t missing < <(missing_packages "$@")
        if [ ${#missing[@]} -eq 0 ]; then
                step "Debian packages: all $# are there"
                return
        fi
        step "Debian packages: installing ${missing[*]}"
        # One source of many that doesn't answer is no reason to stop: the next step tells what can't be had.
        apt-get update -q >"$work/log" 2>&1 </dev/null || tail -n 5 "$work/log" >&2
        quietly "installing Debian packages" apt-get install -q -y --no-install-recommends \
                -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
                "${missing[@]}"
}
