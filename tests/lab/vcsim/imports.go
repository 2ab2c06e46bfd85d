package main

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// upload is what came over an NFC lease; the library throws it away unseen.
type upload struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Length int64  `json:"content_length"`
}

func (g *gate) receive(w http.ResponseWriter, r *http.Request) {
	if f := g.strike("NFC", r.URL.Path); f != nil && f.before(w) {
		return
	}
	digest := sha256.New()
	size, err := io.Copy(digest, r.Body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	g.mu.Lock()
	g.uploads = append(g.uploads, upload{name, size, hex.EncodeToString(digest.Sum(nil)), r.ContentLength})
	g.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
}

// furnish makes the inventory one that a cluster can be made on: a template with a snapshot to link clones to.
func (g *gate) furnish() error {
	if g.esxi {
		return nil
	}
	ctx := background()
	for _, e := range g.reg.All("StoragePod") {
		store := g.reg.FindByName("LocalDS_1", g.datastores())
		e.(*simulator.StoragePod).MoveIntoFolderTask(ctx, &types.MoveIntoFolder_Task{This: e.Reference(), List: []types.ManagedObjectReference{store.Reference()}})
	}
	for _, e := range g.reg.All("VirtualMachine") {
		vm := e.(*simulator.VirtualMachine)
		vm.PowerOffVMTask(ctx, &types.PowerOffVM_Task{This: vm.Self})
		if vm.Name != "DC0_C0_RP0_VM0" {
			continue
		}
		vm.ReconfigVMTask(ctx, &types.ReconfigVM_Task{This: vm.Self, Spec: types.VirtualMachineConfigSpec{Name: "flatcar"}})
		vm.CreateSnapshotTask(&types.CreateSnapshot_Task{This: vm.Self, Name: "base"})
		vm.MarkAsTemplate(&types.MarkAsTemplate{This: vm.Self})
	}
	return nil
}

var leaseID = regexp.MustCompile(`<returnval type="HttpNfcLease">([^<]+)<`)

// lease remembers which machine an import is making.
func (g *gate) lease(r *http.Request, body []byte) *httptest.ResponseRecorder {
	g.work.Lock()
	defer g.work.Unlock()
	before := map[string]bool{}
	for _, e := range g.reg.All("VirtualMachine") {
		before[e.Reference().Value] = true
	}
	w := g.pass(r, body)
	if found := leaseID.FindSubmatch(w.Body.Bytes()); found != nil {
		for _, e := range g.reg.All("VirtualMachine") {
			if !before[e.Reference().Value] {
				g.leases[string(found[1])] = e.Reference()
			}
		}
	}
	return w
}

// discard removes what an aborted import has made, as vSphere does; the library keeps it.
func (g *gate) discard(lease types.ManagedObjectReference) {
	g.work.Lock()
	defer g.work.Unlock()
	if vm := g.vm(g.leases[lease.Value]); vm != nil {
		vm.DestroyTask(background(), &types.Destroy_Task{This: vm.Self})
	}
}

func (g *gate) datastores() []types.ManagedObjectReference {
	refs := []types.ManagedObjectReference{}
	for _, e := range g.reg.All("Datastore") {
		refs = append(refs, e.Reference())
	}
	return refs
}
