#!/usr/bin/env bash
# A real Slurm cluster of one node on this machine, with accounting and two GPUs that are none, to try profiles with.
#
#   slurm.sh up      installs what is missing (Debian 12, as root) and starts the daemons; again and again if need be
#   slurm.sh down    stops them
#
# Account lab; partitions cpu (default) and gpu. The GPUs are device files that do nothing: Slurm hands them out and
# counts their hours. A job that takes more memory than it asked for is killed, as clusters do.
set -euo pipefail
state=/var/lib/codestilts-slurm
daemons=(slurmd slurmctld slurmdbd mariadbd munged)

until_ok() { # until_ok SECONDS COMMAND ...
    local end=$((SECONDS + $1))
    shift
    while ! "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $end ]; then
            echo "error: slurm.sh: in vain: $*" >&2
            return 1
        fi
        sleep 0.3
    done
}

install() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends slurm-wlm slurmdbd slurm-wlm-mysql-plugin munge mariadb-server >/dev/null
}

configure() {
    mkdir -p /etc/slurm "$state"/{ctld,spool} /run/munge /run/mysqld /var/log/munge
    chown munge: /run/munge /var/log/munge
    chown mysql: /run/mysqld "$state"
    [ -s /etc/munge/munge.key ] || mungekey --create
    cat >/etc/slurm/slurm.conf <<CONF
ClusterName=local
SlurmctldHost=localhost
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$state/ctld
SlurmdSpoolDir=$state/spool
SlurmctldPidFile=$state/slurmctld.pid
SlurmdPidFile=$state/slurmd.pid
SlurmctldLogFile=/var/log/slurmctld.log
SlurmdLogFile=/var/log/slurmd.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
KillWait=5
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=200000
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStorageTRES=gres/gpu
GresTypes=gpu
NodeName=localhost CPUs=$(nproc) RealMemory=$(free -m | awk '/^Mem:/ {print int(0.9 * $2)}') Gres=gpu:2 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP
CONF
    printf 'NodeName=localhost Name=gpu File=%s\n' /dev/null /dev/zero >/etc/slurm/gres.conf
    (
        umask 077
        cat >/etc/slurm/slurmdbd.conf <<CONF
AuthType=auth/munge
DbdHost=localhost
SlurmUser=root
StorageType=accounting_storage/mysql
StorageUser=slurm
StoragePass=slurm
StorageLoc=slurm_acct_db
LogFile=/var/log/slurmdbd.log
PidFile=$state/slurmdbd.pid
CONF
    )
}

up() {
    command -v slurmctld >/dev/null && command -v slurmdbd >/dev/null && command -v mariadbd >/dev/null || install
    configure
    munge -n >/dev/null 2>&1 || su -s /bin/bash munge -c "/usr/sbin/munged --pid-file=/run/munge/munged.pid"
    until_ok 20 sh -c 'munge -n | unmunge'
    cp /run/munge/munged.pid "$state/munged.pid" 2>/dev/null || true
    mariadb-admin ping >/dev/null 2>&1 ||
        setsid mariadbd --user=mysql --pid-file="$state/mariadbd.pid" >/var/log/codestilts-mariadb.log 2>&1 &
    until_ok 60 mariadb-admin ping
    mariadb -e "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
        CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED BY 'slurm';
        GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost'"
    sacctmgr --noheader list cluster >/dev/null 2>&1 || slurmdbd
    until_ok 60 sacctmgr --noheader list cluster
    for what in "cluster local" "account lab Cluster=local" "user $(id -un) Account=lab"; do
        # shellcheck disable=SC2086
        sacctmgr --immediate add $what >/dev/null 2>&1 || true # is there already
    done
    scontrol ping 2>/dev/null | grep -q UP || slurmctld
    until_ok 30 sh -c 'scontrol ping | grep -q UP'
    pgrep -x slurmd >/dev/null || slurmd -N localhost
    until_ok 60 sh -c 'sinfo --noheader --states=idle,mixed,alloc --format=%n | grep -q .'
    scontrol reconfigure
    sinfo
}

down() {
    for daemon in "${daemons[@]}"; do
        if [ -s "$state/$daemon.pid" ]; then
            kill "$(cat "$state/$daemon.pid")" 2>/dev/null || true
            rm -f "$state/$daemon.pid"
        fi
    done
}

case ${1:-} in
    up | down) "$1" ;;
    *)
        sed -n '2,8p' "$0" >&2
        exit 2
        ;;
esac
