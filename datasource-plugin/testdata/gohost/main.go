// gohost starts a Grafana backend plugin as Grafana does, with Grafana's own Go SDK and hashicorp/go-plugin, and reads
// its frames with the SDK and Grafana's dataplane library. It takes a request as JSON on stdin and prints what it saw
// as JSON on stdout.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/grafana/dataplane/sdata/numeric"
	"github.com/grafana/dataplane/sdata/timeseries"
	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

type request struct {
	Command   []string          `json:"command"`
	URL       string            `json:"url"`
	JSONData  json.RawMessage   `json:"jsonData"`
	ReadToken string            `json:"readToken"`
	Config    map[string]string `json:"grafanaConfig"`
	FromMs    int64             `json:"fromMs"`
	ToMs      int64             `json:"toMs"`
	Queries   []query           `json:"queries"`
	Resources []string          `json:"resources"`
}

type query struct {
	RefID         string          `json:"refId"`
	IntervalMs    int64           `json:"intervalMs"`
	MaxDataPoints int64           `json:"maxDataPoints"`
	Model         json.RawMessage `json:"model"`
}

type result struct {
	Ping      bool                 `json:"ping"`
	Health    health               `json:"health"`
	Metrics   string               `json:"metrics"`
	Responses map[string]*response `json:"responses"`
	Resources map[string]resource  `json:"resources"`
	LogLevels map[string]int       `json:"logLevels"`
	Exited    bool                 `json:"exited"`
	KillMs    int64                `json:"killMs"`
}

type health struct {
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

type response struct {
	Status      int32             `json:"status"`
	Error       string            `json:"error"`
	ErrorSource string            `json:"errorSource"`
	Frames      []json.RawMessage `json:"frames"`
	// Whether the frames answered as JSON are, value for value, the frames answered as Arrow.
	SameInJSON bool   `json:"sameInJson"`
	Difference string `json:"difference,omitempty"`
	// What Grafana's dataplane library makes of them; empty kind where it does not apply.
	DataplaneKind  string `json:"dataplaneKind"`
	DataplaneRefs  int    `json:"dataplaneRefs"`
	DataplaneError string `json:"dataplaneError"`
}

type resource struct {
	Status int32  `json:"status"`
	Body   string `json:"body"`
}

func main() {
	var req request
	must(json.NewDecoder(os.Stdin).Decode(&req))
	out, err := json.Marshal(run(req))
	must(err)
	_, err = os.Stdout.Write(out)
	must(err)
}

func run(req request) result {
	logs := &levelCounter{counts: map[string]int{}}
	logger := hclog.New(&hclog.LoggerOptions{Name: "plugin", Level: hclog.Debug, Output: logs, JSONFormat: true})
	client := plugin.NewClient(&plugin.ClientConfig{
		Cmd: exec.Command(req.Command[0], req.Command[1:]...),
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  grpcplugin.ProtocolVersion,
			MagicCookieKey:   grpcplugin.MagicCookieKey,
			MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{},
			"data":        &grpcplugin.DataGRPCPlugin{},
			"resource":    &grpcplugin.ResourceGRPCPlugin{},
		}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		// As Grafana: nothing of the host's environment reaches the plugin.
		SkipHostEnv: true,
		Logger:      logger,
	})
	defer client.Kill()
	rpc, err := client.Client()
	must(err)

	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	pluginContext := &pluginv2.PluginContext{
		OrgId:         1,
		PluginId:      "throughline-datasource",
		GrafanaConfig: req.Config,
		DataSourceInstanceSettings: &pluginv2.DataSourceInstanceSettings{
			Uid: "go-host", Name: "Go host", Url: req.URL, JsonData: req.JSONData,
			DecryptedSecureJsonData: map[string]string{"readToken": req.ReadToken},
		},
	}

	res := result{Ping: rpc.Ping() == nil, Responses: map[string]*response{}, Resources: map[string]resource{}}

	diagnostics := dispense[grpcplugin.DiagnosticsClient](rpc, "diagnostics")
	checked, err := diagnostics.CheckHealth(ctx, &pluginv2.CheckHealthRequest{PluginContext: pluginContext})
	must(err)
	res.Health = health{Status: checked.Status.String(), Message: checked.Message, Details: checked.JsonDetails}

	queryAll(ctx, dispense[grpcplugin.DataClient](rpc, "data"), pluginContext, req, &res)
	collected, err := diagnostics.CollectMetrics(ctx, &pluginv2.CollectMetricsRequest{PluginContext: pluginContext})
	must(err)
	res.Metrics = string(collected.Metrics.Prometheus)

	resources := dispense[grpcplugin.ResourceClient](rpc, "resource")
	for _, path := range req.Resources {
		res.Resources[path] = callResource(ctx, resources, pluginContext, path)
	}

	start := time.Now()
	client.Kill()
	res.KillMs = time.Since(start).Milliseconds()
	res.Exited = client.Exited()
	res.LogLevels = logs.counts
	return res
}

func queryAll(ctx context.Context, client grpcplugin.DataClient, pc *pluginv2.PluginContext, req request, res *result) {
	wire := &pluginv2.QueryDataRequest{PluginContext: pc, Headers: map[string]string{"FromAlert": "true"}}
	for _, q := range req.Queries {
		wire.Queries = append(wire.Queries, &pluginv2.DataQuery{
			RefId: q.RefID, MaxDataPoints: q.MaxDataPoints, IntervalMS: q.IntervalMs, Json: q.Model,
			TimeRange: &pluginv2.TimeRange{FromEpochMS: req.FromMs, ToEpochMS: req.ToMs},
		})
	}
	raw, err := client.QueryData(ctx, wire)
	must(err)
	arrow, err := backend.FromProto().QueryDataResponse(raw)
	must(err)
	wire.Format = pluginv2.DataFrameFormat_JSON
	rawJSON, err := client.QueryData(ctx, wire)
	must(err)
	asJSON, err := backend.FromProto().QueryDataResponse(rawJSON)
	must(err)

	for refID, answer := range raw.Responses {
		r := &response{Status: answer.Status, Error: answer.Error, ErrorSource: answer.ErrorSource, SameInJSON: true}
		other := asJSON.Responses[refID].Frames
		for i, frame := range arrow.Responses[refID].Frames {
			encoded := marshal(frame)
			r.Frames = append(r.Frames, encoded)
			if i >= len(other) {
				r.SameInJSON, r.Difference = false, "fewer frames"
			} else if first, again := withoutAge(encoded), withoutAge(marshal(other[i])); !bytes.Equal(first, again) {
				r.SameInJSON, r.Difference = false, firstDifference(first, again)
			}
		}
		readDataplane(arrow.Responses[refID].Frames, r)
		res.Responses[refID] = r
	}
}

// As Grafana's alerting and expressions read an answer: by the type of its first frame.
func readDataplane(frames data.Frames, r *response) {
	if len(frames) == 0 || frames[0].Meta == nil {
		return
	}
	// Exemplars and other annotations are taken out before.
	series := data.Frames{}
	for _, f := range frames {
		if f.Meta == nil || f.Meta.DataTopic != data.DataTopicAnnotations {
			series = append(series, f)
		}
	}
	kind := frames[0].Meta.Type
	r.DataplaneKind = string(kind.Kind())
	switch {
	case kind.IsTimeSeries():
		reader, err := timeseries.CollectionReaderFromFrames(series)
		if err == nil {
			var c timeseries.Collection
			c, err = reader.GetCollection(true)
			r.DataplaneRefs = len(c.Refs)
		}
		r.DataplaneError = text(err)
	case kind.IsNumeric():
		reader, err := numeric.CollectionReaderFromFrames(series)
		if err == nil {
			var c numeric.Collection
			// The library validates the data of time series only.
			c, err = reader.GetCollection(false)
			r.DataplaneRefs = len(c.Refs)
		}
		r.DataplaneError = text(err)
	}
}

func callResource(ctx context.Context, client grpcplugin.ResourceClient, pc *pluginv2.PluginContext, path string) resource {
	stream, err := client.CallResource(ctx, &pluginv2.CallResourceRequest{
		PluginContext: pc, Path: path, Method: "GET", Url: path,
	})
	must(err)
	var res resource
	for {
		message, err := stream.Recv()
		if err == io.EOF {
			return res
		}
		must(err)
		if res.Status == 0 {
			res.Status = message.Code
		}
		res.Body += string(message.Body)
	}
}

func dispense[T any](rpc plugin.ClientProtocol, name string) T {
	raw, err := rpc.Dispense(name)
	must(err)
	client, ok := raw.(T)
	if !ok {
		panic(fmt.Sprintf("%s is a %T", name, raw))
	}
	return client
}

func marshal(frame *data.Frame) json.RawMessage {
	encoded, err := data.FrameToJSON(frame, data.IncludeAll)
	must(err)
	return encoded
}

var age = regexp.MustCompile(`"ageMs":[0-9.e+]+`)

// A trace's age differs between two times of asking.
func withoutAge(encoded []byte) []byte {
	return age.ReplaceAll(encoded, []byte(`"ageMs":0`))
}

func firstDifference(a, b []byte) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	window := func(s []byte) string { return string(s[max(0, i-60):min(len(s), i+60)]) }
	return fmt.Sprintf("arrow …%s… json …%s…", window(a), window(b))
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "gohost:", err)
		os.Exit(1)
	}
}

// Counts the plugin's log lines by level: lines that hclog does not read arrive as debug.
type levelCounter struct{ counts map[string]int }

func (l *levelCounter) Write(line []byte) (int, error) {
	var entry struct {
		Level string `json:"@level"`
	}
	if json.Unmarshal(line, &entry) == nil {
		l.counts[entry.Level]++
	}
	return len(line), nil
}
