#!/bin/sh
# The tests of Spark need Java 17 or later. Installed where that is possible; elsewhere the tests say
# so and are skipped.
command -v java >/dev/null 2>&1 && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "Java is not installed: the Spark tests will be skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null 2>&1
for package in openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless; do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 && exit 0
done
echo "Java could not be installed: the Spark tests will be skipped" >&2
exit 0
