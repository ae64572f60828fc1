// A command around cAdvisor's own library, which is what a Go module proxy has of
// it: Docker's containers, Prometheus' metrics, no pages. Flags that the services
// of this project give are named as in cAdvisor's command; others are not known.
package main

import (
	"flag"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/google/cadvisor/cache/memory"
	"github.com/google/cadvisor/container"
	_ "github.com/google/cadvisor/container/docker/install"
	v2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/manager"
	"github.com/google/cadvisor/metrics"
	"github.com/google/cadvisor/utils/sysfs"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
)

func main() {
	klog.InitFlags(nil)
	var enabled container.MetricSet
	flag.Var(&enabled, "enable_metrics", "kinds of metrics, by commas")
	all := flag.Bool("store_container_labels", true, "every label of a container")
	labels := flag.String("whitelisted_container_labels", "", "labels where not every one, by commas")
	address := flag.String("address", ":8080", "where to listen")
	flag.Parse()

	watched, err := manager.New(
		memory.New(2*time.Minute, nil), sysfs.NewRealSysFs(), manager.HousekeepingConfigFlags,
		enabled, http.DefaultClient, []string{""}, []string{""}, "", 0)
	if err != nil {
		log.Fatal(err)
	}
	if err := watched.Start(); err != nil {
		log.Fatal(err)
	}
	name := metrics.DefaultContainerLabels
	if !*all {
		name = metrics.BaseContainerLabels(strings.Split(*labels, ","))
	}
	query := v2.RequestOptions{IdType: v2.TypeName, Count: 1, Recursive: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		metrics.NewPrometheusCollector(watched, name, enabled, clock.RealClock{}, query),
		metrics.NewPrometheusMachineCollector(watched, enabled),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Fatal(http.ListenAndServe(*address, nil))
}
