package main

import (
	"bytes"
	"fmt"
	"io/ioutil"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

const cookie = "vmware_soap_session"

// gate stands before the simulator: it counts calls, brings faults, ends sessions, lets tasks take their time, and has
// what the library does not do well done by truth.go.
type gate struct {
	settings
	inner http.Handler
	reg   *simulator.Registry
	known func(string) (reflect.Type, bool)

	mu      sync.Mutex
	faults  []*fault
	calls   []string
	live    map[string]bool
	expired map[string]bool
	uploads []upload
	ips     map[string]string
	leases  map[string]types.ManagedObjectReference
	macs    int
	ever    int

	work sync.Mutex // one piece of work at a time: the library's own locks do not cover what truth.go adds
}

func newGate(inner http.Handler, s settings) *gate {
	g := &gate{settings: s, inner: inner, reg: simulator.Map, known: types.TypeFunc()}
	g.live, g.expired, g.ips = map[string]bool{}, map[string]bool{}, map[string]string{}
	g.leases = map[string]types.ManagedObjectReference{}
	simulator.Map.AddHandler(g)
	return g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/lab/"):
		g.control(w, r)
	case strings.HasPrefix(r.URL.Path, "/nfc/"):
		g.receive(w, r)
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/sdk"):
		g.soap(w, r)
	default:
		if f := g.strike("HTTP", r.Method+" "+r.URL.Path); f != nil && f.before(w) {
			return
		}
		g.inner.ServeHTTP(w, r)
	}
}

func (g *gate) soap(w http.ResponseWriter, r *http.Request) {
	body, err := ioutil.ReadAll(r.Body)
	if err != nil {
		return
	}
	method, err := simulator.UnmarshalBody(g.known, body)
	if err != nil {
		copyTo(w, g.pass(r, body)) // a type that is newer than the library: it words the fault
		return
	}
	session := g.session(r)
	strike := g.strike(method.Name, string(body))
	if strike != nil && strike.before(w) {
		return
	}
	if method.Name == "Login" && g.full() {
		w.WriteHeader(http.StatusServiceUnavailable) // as vpxd does
		return
	}
	answer := g.answer(r, method, body, session, strike)
	g.follow(method.Name, session, answer)
	if strike != nil && strike.After {
		hangUp(w)
		return
	}
	copyTo(w, answer)
}

// answer does one call. Tasks are the gate's own, and end when they have taken their time.
func (g *gate) answer(r *http.Request, m *simulator.Method, body []byte, session string, strike *fault) *httptest.ResponseRecorder {
	subject := g.reg.Get(m.This)
	if strings.HasSuffix(m.Name, "_Task") && subject != nil && session != "" {
		return g.start(r, m, body, subject, strike)
	}
	if f := g.refusal(m); f != nil {
		return faulted(f, "")
	}
	if m.Name == "RetrievePropertiesEx" {
		return g.keyed(r, body)
	}
	if m.Name == "ImportVApp" {
		return g.lease(r, body)
	}
	if m.Name == "HttpNfcLeaseAbort" {
		defer g.discard(m.This)
	}
	return g.pass(r, body)
}

// start answers with a task at once, and does its work behind the caller's back.
func (g *gate) start(r *http.Request, m *simulator.Method, body []byte, subject interface {
	Reference() types.ManagedObjectReference
}, strike *fault) *httptest.ResponseRecorder {
	name := strings.TrimSuffix(m.Name, "_Task")
	name = strings.Replace(strings.ToLower(name[:1])+name[1:], "VM", "", 1)
	task := simulator.CreateTask(subject, name, nil)
	task.Info.Reason = &types.TaskReasonUser{UserName: g.user}
	if e := task.Info.Entity; e != nil && (e.Type == "FileManager" || e.Type == "VirtualDiskManager") {
		task.Info.Entity = nil // not a managed entity: pyvmomi refuses to read such a task
	}
	again := r.Clone(background())
	run := func() {
		g.progress(task)
		result, fault := types.AnyType(nil), types.BaseMethodFault(nil)
		if strike != nil && strike.Fault != "" {
			fault = strike.make(g.known, m.This)
		} else {
			result, fault = g.perform(again, m, body)
		}
		g.finish(task, result, fault, strike)
	}
	if g.delay() > 0 {
		go run()
	} else {
		run()
	}
	return taskAnswer(m.Name, task.Self.Value)
}

func (g *gate) progress(task *simulator.Task) {
	g.reg.Update(task, []types.PropertyChange{{Name: "info.startTime", Val: time.Now()}, {Name: "info.state", Val: types.TaskInfoStateRunning}})
	for part := int32(1); part < 4; part++ {
		time.Sleep(g.delay() / 4)
		g.reg.Update(task, []types.PropertyChange{{Name: "info.progress", Val: 25 * part}})
	}
	time.Sleep(g.delay() / 4)
}

func (g *gate) finish(task *simulator.Task, result types.AnyType, fault types.BaseMethodFault, strike *fault) {
	changes := []types.PropertyChange{{Name: "info.completeTime", Val: time.Now()}}
	state := types.TaskInfoStateSuccess
	if fault != nil {
		state = types.TaskInfoStateError
		text := fmt.Sprintf("%T", fault)
		if strike != nil && strike.Message != "" {
			text = strike.Message
		}
		changes = append(changes, types.PropertyChange{Name: "info.error", Val: types.LocalizedMethodFault{Fault: fault, LocalizedMessage: text}})
	} else if result != nil {
		changes = append(changes, types.PropertyChange{Name: "info.result", Val: result})
	}
	g.reg.Update(task, append(changes, types.PropertyChange{Name: "info.state", Val: state}))
}

// pass hands a call to the simulator and returns what it says.
func (g *gate) pass(r *http.Request, body []byte) *httptest.ResponseRecorder {
	request := r.Clone(r.Context())
	request.Body = ioutil.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	w := httptest.NewRecorder()
	g.inner.ServeHTTP(w, request)
	return w
}

func (g *gate) delay() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taskDelay
}

// session returns the caller's session; one that has expired is taken off the request.
func (g *gate) session(r *http.Request) string {
	c, err := r.Cookie(cookie)
	if err != nil {
		return ""
	}
	value := strings.Trim(c.Value, `"`)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.expired[value] {
		r.Header.Del("Cookie")
		return ""
	}
	return value
}

func (g *gate) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sessions > 0 && len(g.live) >= g.sessions
}

// follow keeps the list of sessions that live.
func (g *gate) follow(name, session string, answer *httptest.ResponseRecorder) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if name == "Logout" {
		delete(g.live, session)
	}
	if name != "Login" || answer.Code != http.StatusOK {
		return
	}
	for _, c := range answer.Result().Cookies() {
		if c.Name == cookie {
			g.live[strings.Trim(c.Value, `"`)] = true
		}
	}
}
