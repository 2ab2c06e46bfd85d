// A vCenter (or ESXi) for tests: govmomi's simulator library, as Debian packages it, behind a gate of our own that
// closes the library's leniency and brings bad luck on demand. See README.md in this folder.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/vmware/govmomi/simulator"
)

type settings struct {
	esxi       bool
	user, pass string
	cert, key  string
	taskDelay  time.Duration
	ipDelay    time.Duration
	sessions   int
	pods       int
	templates  int
}

func main() {
	log.SetOutput(io.Discard) // the library tells of every call
	var s settings
	listen := flag.String("listen", "127.0.0.1:0", "address")
	flag.BoolVar(&s.esxi, "esxi", false, "be a standalone ESXi host")
	flag.StringVar(&s.user, "user", "admin", "who may log in")
	flag.StringVar(&s.pass, "password", "secret", "with this password")
	flag.StringVar(&s.cert, "cert", "", "certificate (PEM)")
	flag.StringVar(&s.key, "key", "", "private key (PEM)")
	flag.DurationVar(&s.taskDelay, "task-delay", 0, "how long tasks take")
	flag.DurationVar(&s.ipDelay, "ip-delay", 0, "from power-on to a guest's address; negative: never")
	flag.IntVar(&s.sessions, "max-sessions", 0, "refuse logins beyond so many sessions (0: no limit)")
	flag.IntVar(&s.pods, "pods", 1, "datastore clusters")
	flag.Parse()
	if err := serve(*listen, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(listen string, s settings) error {
	model := inventory(s)
	if err := model.Create(); err != nil {
		return err
	}
	defer model.Remove()
	pair, err := tls.LoadX509KeyPair(s.cert, s.key)
	if err != nil {
		return err
	}
	model.Service.Listen = &url.URL{Host: listen, User: url.UserPassword(s.user, s.pass)}
	model.Service.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	model.Service.ServeMux = http.NewServeMux()
	server := model.Service.NewServer()
	defer server.Close()
	g := newGate(server.Config.Handler, s)
	server.Config.Handler = g
	if err := g.furnish(); err != nil {
		return err
	}
	fmt.Println("ready", server.URL.Host)
	// The parent holds our standard input: when it ends, however it ends, so do we.
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

func inventory(s settings) *simulator.Model {
	if s.esxi {
		model := simulator.ESX()
		model.Datastore = 2
		model.Machine = 0
		return model
	}
	model := simulator.VPX()
	model.Cluster, model.ClusterHost, model.Host = 1, 3, 0
	model.Datastore, model.Pod, model.Pool = 2, s.pods, 1
	model.Machine, model.Portgroup = 1, 1
	return model
}

// background is the context of what the gate does by itself.
func background() *simulator.Context {
	return &simulator.Context{Context: context.Background(), Map: simulator.Map, Session: &simulator.Session{Registry: simulator.NewRegistry()}}
}
