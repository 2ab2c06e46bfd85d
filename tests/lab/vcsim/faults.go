package main

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// fault is one piece of bad luck. Method is a regular expression over the whole method name ("HTTP" for what is not
// SOAP), Match one that is searched for in the request.
type fault struct {
	Method  string `json:"method"`
	Match   string `json:"match"`
	Fault   string `json:"fault"`   // a vim25 fault, of the call or (methods that end in _Task) of its task
	Message string `json:"message"` // with it
	HTTP    int    `json:"http"`    // this status and nothing else
	Drop    bool   `json:"drop"`    // hang up, and do nothing
	After   bool   `json:"after"`   // do it, and hang up
	Hang    int    `json:"hang_ms"` // wait before anything else
	Times   int    `json:"times"`   // how often; 0 for ever
	hits    int
}

func (g *gate) strike(method, request string) *fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, method)
	for _, f := range g.faults {
		spent := f.Times > 0 && f.hits >= f.Times
		if !spent && regexp.MustCompile("^(?:"+f.Method+")$").MatchString(method) && regexp.MustCompile(f.Match).MatchString(request) {
			f.hits++
			return f
		}
	}
	return nil
}

// before does what comes before the call, and tells whether the call is over with that.
func (f *fault) before(w http.ResponseWriter) bool {
	time.Sleep(time.Duration(f.Hang) * time.Millisecond)
	switch {
	case f.Drop:
		hangUp(w)
	case f.HTTP != 0:
		w.WriteHeader(f.HTTP)
	case f.Fault != "" && !regexp.MustCompile("_Task$").MatchString(f.Method):
		copyTo(w, faulted(f.make(types.TypeFunc(), simulator.Map.Get(simulator.Map.All("Folder")[0].Reference()).Reference()), f.Message))
	default:
		return false
	}
	return true
}

// make returns the fault with its references filled in: pyvmomi cannot read an empty one.
func (f *fault) make(known func(string) (reflect.Type, bool), this types.ManagedObjectReference) types.BaseMethodFault {
	kind, ok := known(f.Fault)
	if !ok {
		return new(types.SystemError)
	}
	value := reflect.New(kind)
	for name, content := range map[string]interface{}{"Object": this, "Obj": this, "PrivilegeId": "VirtualMachine.Inventory.CreateFromExisting"} {
		field := value.Elem().FieldByName(name)
		if field.IsValid() && field.Type() == reflect.TypeOf(content) {
			field.Set(reflect.ValueOf(content))
		}
	}
	if made, ok := value.Interface().(types.BaseMethodFault); ok {
		return made
	}
	return new(types.SystemError)
}

// control is the side door of the tests: what to break, what there is, what was called.
func (g *gate) control(w http.ResponseWriter, r *http.Request) {
	var answer interface{}
	switch r.URL.Path {
	case "/lab/faults":
		var faults []*fault
		if err := json.NewDecoder(r.Body).Decode(&faults); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.mu.Lock()
		g.faults = faults
		g.mu.Unlock()
	case "/lab/expire":
		g.mu.Lock()
		for s := range g.live {
			g.expired[s] = true
		}
		g.live = map[string]bool{}
		g.mu.Unlock()
	case "/lab/settings":
		var given struct{ TaskMS, IPMS, Sessions *int }
		if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.set(given.TaskMS, given.IPMS, given.Sessions)
	case "/lab/calls":
		g.mu.Lock()
		answer = map[string]interface{}{"calls": append([]string{}, g.calls...), "sessions": len(g.live), "uploads": g.uploads, "ever": g.ever}
		g.calls = nil
		g.mu.Unlock()
	case "/lab/world":
		answer = g.world()
	case "/lab/space":
		var given struct {
			Datastore string
			Free      int64
		}
		if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.space(given.Datastore, given.Free)
	case "/lab/extra":
		var given struct{ VM, Key, Value string }
		if err := json.NewDecoder(r.Body).Decode(&given); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		g.overwrite(given.VM, given.Key, given.Value)
	default:
		http.NotFound(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func (g *gate) set(task, ip, sessions *int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if task != nil {
		g.taskDelay = time.Duration(*task) * time.Millisecond
	}
	if ip != nil {
		g.ipDelay = time.Duration(*ip) * time.Millisecond
	}
	if sessions != nil {
		g.sessions = *sessions
	}
}
