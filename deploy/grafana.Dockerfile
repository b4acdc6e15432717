# The official image is Alpine: there the data source's backend runs under Alpine's own Node.
FROM grafana/grafana:13.2.2
USER root
RUN apk add --no-cache nodejs
USER grafana
