#!/bin/sh
# Entrypoint of a program that reads only environment variables: exports every
# secret whose file name is a variable's name, then becomes the program.
# Other secrets, such as database-ca.crt, stay files.
set -eu
for file in /run/secrets/*; do
	name=${file##*/}
	case $name in
	*[!A-Z0-9_]* | [0-9]*) continue ;;
	esac
	export "$name=$(cat "$file")"
done
exec "$@"
