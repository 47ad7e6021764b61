#!/bin/sh
# The S3 gateway answers once it has the filer and the volumes behind it.
exec curl --fail --silent --output /dev/null http://localhost:9000/healthz
