#!/bin/sh
# Runs CUDA's compiler and keeps what ptxas reports of registers beside the object, instead of printing it.
# usage: keep_ptxas_report.sh COMPILER ... -o OBJECT ...
object=''
previous=''
for argument in "$@"; do
    [ "$previous" != -o ] || object=$argument
    previous=$argument
done
[ -n "$object" ] || exec "$@"
"$@" 2>"$object.said"
status=$?
report='^ptxas info|^ +[0-9]+ bytes stack frame|bytes cumulative stack size'
grep -E "$report" "$object.said" >"$object.ptxas"
grep -vE "$report" "$object.said" >&2
rm -f "$object.said"
exit $status
