#!/bin/sh
# Releases one module: applies its migrations with the new image, then replaces its pods one by one.
#
#   deploy/kubernetes/release.sh payment registry.example.com/cleave:0.2.0
set -eu
module=$1 image=$2
cd "$(dirname "$0")"

kubectl set image --local --filename "migrate/$module.yaml" "cleave=$image" --output yaml |
    kubectl replace --force --filename -
kubectl wait --namespace cleave --for=condition=complete --timeout=10m "job/migrate-$module"
kubectl set image --namespace cleave "deployment/$module" "cleave=$image"
kubectl rollout status --namespace cleave --timeout=10m "deployment/$module"
