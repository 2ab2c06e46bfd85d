package main

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// perform does a task's work as vSphere would; the library alone is more lenient, or does it otherwise.
func (g *gate) perform(r *http.Request, m *simulator.Method, body []byte) (types.AnyType, types.BaseMethodFault) {
	g.work.Lock()
	defer g.work.Unlock()
	if f := g.refusal(m); f != nil {
		return nil, f
	}
	if clone, ok := m.Body.(*types.CloneVM_Task); ok {
		return g.clone(clone)
	}
	if m.Name == "UnregisterAndDestroy_Task" {
		return g.dissolve(m.This)
	}
	result, fault := g.byLibrary(r, m, body)
	if fault != nil {
		return nil, fault
	}
	switch b := m.Body.(type) {
	case *types.ReconfigVM_Task:
		g.settle(g.vm(m.This))
	case *types.CreateVM_Task:
		g.count()
		g.settle(g.vm(result.(types.ManagedObjectReference)))
	case *types.UpgradeVM_Task:
		g.reg.Update(g.vm(m.This), []types.PropertyChange{{Name: "config.version", Val: b.Version}})
	}
	return result, nil
}

func (g *gate) byLibrary(r *http.Request, m *simulator.Method, body []byte) (types.AnyType, types.BaseMethodFault) {
	w := g.pass(r, body)
	text := w.Body.String()
	from := strings.Index(text, `<returnval type="Task">`)
	if from < 0 {
		return nil, faultOf(w.Body.Bytes(), m.This)
	}
	rest := text[from+len(`<returnval type="Task">`):]
	ref := types.ManagedObjectReference{Type: "Task", Value: rest[:strings.Index(rest, "<")]}
	return outcome(g.reg.Get(ref).(*simulator.Task))
}

func outcome(task *simulator.Task) (types.AnyType, types.BaseMethodFault) {
	if task.Info.Error != nil {
		return nil, task.Info.Error.Fault
	}
	return task.Info.Result, nil
}

func faultOf(text []byte, this types.ManagedObjectReference) types.BaseMethodFault {
	if strings.Contains(string(text), "ManagedObjectNotFound") {
		return &types.ManagedObjectNotFound{Obj: this}
	}
	if strings.Contains(string(text), "NotSupported") {
		return new(types.NotSupported)
	}
	return new(types.SystemError)
}

func (g *gate) vm(ref types.ManagedObjectReference) *simulator.VirtualMachine {
	vm, _ := g.reg.Get(ref).(*simulator.VirtualMachine)
	return vm
}

func (g *gate) count() {
	g.mu.Lock()
	g.ever++
	g.mu.Unlock()
}

// refusal says what vSphere would refuse and the library does not.
func (g *gate) refusal(m *simulator.Method) types.BaseMethodFault {
	switch b := m.Body.(type) {
	case *types.CloneVM_Task:
		if g.esxi {
			return new(types.NotSupported) // a host has no CloneVM: that is vCenter's
		}
		return first(g.taken(b.Folder, b.Name), g.cramped(b.Spec.Location.Datastore, g.vm(m.This)), tooLong(b.Name))
	case *types.CreateVM_Task:
		return first(g.taken(m.This, b.Config.Name), tooLong(b.Config.Name), g.sameFile(b.Config.Files))
	case *types.ImportVApp:
		if spec, ok := b.Spec.(*types.VirtualMachineImportSpec); ok && b.Folder != nil {
			return g.taken(*b.Folder, spec.ConfigSpec.Name)
		}
	case *types.CreateFolder:
		return tooLong(b.Name)
	case *types.ReconfigVM_Task:
		return tooMuch(b.Spec.ExtraConfig)
	case *types.Destroy_Task:
		if m.This.Type == "Folder" {
			return g.running(m.This)
		}
	case *types.UpgradeVM_Task:
		if vm := g.vm(m.This); vm != nil && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			return poweredOn()
		}
	}
	return nil
}

func first(faults ...types.BaseMethodFault) types.BaseMethodFault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}

func poweredOn() types.BaseMethodFault {
	return &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: types.VirtualMachinePowerStatePoweredOn}
}

func tooLong(name string) types.BaseMethodFault {
	if len(name) > 80 {
		return &types.InvalidName{Name: name}
	}
	return nil
}

// tooMuch refuses what a guest could not read: open-vm-tools hands over 64 KiB at most.
func tooMuch(options []types.BaseOptionValue) types.BaseMethodFault {
	for _, o := range options {
		if v := o.GetOptionValue(); strings.HasPrefix(v.Key, "guestinfo.") && len(fmt.Sprint(v.Value)) > 65536 {
			return &types.InvalidArgument{InvalidProperty: "configSpec.extraConfig"}
		}
	}
	return nil
}

func (g *gate) children(folder types.ManagedObjectReference) []types.ManagedObjectReference {
	if f, ok := g.reg.Get(folder).(*simulator.Folder); ok {
		return append([]types.ManagedObjectReference{}, f.ChildEntity...)
	}
	return nil
}

func (g *gate) name(ref types.ManagedObjectReference) string {
	switch o := g.reg.Get(ref).(type) {
	case *simulator.VirtualMachine:
		return o.Name
	case *simulator.Folder:
		return o.Name
	}
	return ""
}

func (g *gate) taken(folder types.ManagedObjectReference, name string) types.BaseMethodFault {
	for _, child := range g.children(folder) {
		if g.name(child) == name {
			return &types.DuplicateName{Name: name, Object: child}
		}
	}
	return nil
}

// sameFile refuses a second machine in another one's files, as a host does.
func (g *gate) sameFile(files *types.VirtualMachineFileInfo) types.BaseMethodFault {
	if files == nil || !strings.HasSuffix(files.VmPathName, ".vmx") {
		return nil
	}
	for _, e := range g.reg.All("VirtualMachine") {
		if vm, ok := e.(*simulator.VirtualMachine); ok && vm.Config.Files.VmPathName == files.VmPathName {
			return &types.FileAlreadyExists{FileFault: types.FileFault{File: files.VmPathName}}
		}
	}
	return nil
}

// cramped refuses a disk that is larger than what is free.
func (g *gate) cramped(ref *types.ManagedObjectReference, src *simulator.VirtualMachine) types.BaseMethodFault {
	if ref == nil || src == nil {
		return nil
	}
	ds, ok := g.reg.Get(*ref).(*simulator.Datastore)
	if !ok {
		return &types.ManagedObjectNotFound{Obj: *ref}
	}
	for _, d := range src.Config.Hardware.Device {
		if disk, ok := d.(*types.VirtualDisk); ok && disk.CapacityInKB*1024 > ds.Summary.FreeSpace {
			return &types.NoDiskSpace{FileFault: types.FileFault{File: "[" + ds.Name + "]"}, Datastore: ds.Name}
		}
	}
	return nil
}

// running refuses to destroy a folder with running machines; the library lets them run on without one.
func (g *gate) running(folder types.ManagedObjectReference) types.BaseMethodFault {
	for _, child := range g.children(folder) {
		if vm := g.vm(child); vm != nil && vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn {
			return poweredOn()
		}
		if f := g.running(child); f != nil {
			return f
		}
	}
	return nil
}

// settle leaves one value for each extraConfig key, the last one; an empty value removes the key.
func (g *gate) settle(vm *simulator.VirtualMachine) {
	last := map[string]types.BaseOptionValue{}
	order := []string{}
	for _, o := range vm.Config.ExtraConfig {
		key := o.GetOptionValue().Key
		if _, there := last[key]; !there {
			order = append(order, key)
		}
		last[key] = o
	}
	kept := []types.BaseOptionValue{}
	for _, key := range order {
		if last[key].GetOptionValue().Value != "" {
			kept = append(kept, last[key])
		}
	}
	g.reg.Update(vm, []types.PropertyChange{{Name: "config.extraConfig", Val: kept}})
}

// dissolve removes a folder and takes what is in it off the inventory, with its disks left alone; not in the library.
func (g *gate) dissolve(ref types.ManagedObjectReference) (types.AnyType, types.BaseMethodFault) {
	folder, ok := g.reg.Get(ref).(*simulator.Folder)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: ref}
	}
	if f := g.running(ref); f != nil {
		return nil, f
	}
	for _, child := range g.children(ref) {
		if vm := g.vm(child); vm != nil {
			vm.UnregisterVM(background(), &types.UnregisterVM{This: child})
		} else if _, f := g.dissolve(child); f != nil {
			return nil, f
		}
	}
	answer := folder.DestroyTask(background(), &types.Destroy_Task{This: ref}).(*methods.Destroy_TaskBody)
	return outcome(g.reg.Get(answer.Res.Returnval).(*simulator.Task))
}
