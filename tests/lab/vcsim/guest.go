package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// The gate listens to the registry: a machine that is switched on boots, and its guest reports addresses after a while.

func (g *gate) Reference() types.ManagedObjectReference {
	return types.ManagedObjectReference{Type: "Gate", Value: "gate"}
}
func (g *gate) PutObject(mo.Reference)                    {}
func (g *gate) RemoveObject(types.ManagedObjectReference) {}
func (g *gate) UpdateObject(o mo.Reference, ch []types.PropertyChange) {
	for _, change := range ch {
		if change.Name == "runtime.powerState" {
			go g.boot(o.Reference(), change.Val == types.VirtualMachinePowerStatePoweredOn)
		}
	}
}

func (g *gate) boot(ref types.ManagedObjectReference, on bool) {
	g.mu.Lock()
	delay := g.ipDelay
	g.mu.Unlock()
	vm := g.vm(ref)
	if vm == nil || delay < 0 && on {
		return
	}
	if on {
		time.Sleep(delay)
	}
	g.work.Lock()
	defer g.work.Unlock()
	if on != (vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn) {
		return
	}
	if on {
		g.console(vm)
	}
	g.report(vm, on)
}

// report sets what open-vm-tools tell: also addresses that nobody can reach a machine at.
func (g *gate) report(vm *simulator.VirtualMachine, on bool) {
	nets, ip, host := []types.GuestNicInfo{}, "", ""
	for i, nic := range vm.Guest.Net {
		if nic.DeviceConfigId < 0 {
			continue
		}
		nic.IpAddress = nil
		if on && i == 0 {
			ip, host = g.address(vm), vm.Name
			nic.IpAddress = []string{"fe80::250:56ff:fe80:1", "169.254.7.7", ip}
		}
		nets = append(nets, nic)
	}
	if on {
		nets = append([]types.GuestNicInfo{{Network: "docker0", DeviceConfigId: -1, IpAddress: []string{"172.17.0.1"}}}, nets...)
	}
	g.reg.Update(vm, []types.PropertyChange{
		{Name: "guest.net", Val: nets},
		{Name: "guest.ipAddress", Val: ip},
		{Name: "guest.hostName", Val: host},
	})
}

// address is the one that the machine was given by a kernel argument, or the next of a range.
func (g *gate) address(vm *simulator.VirtualMachine) string {
	if kargs := option(vm, "guestinfo.afterburn.initrd.network-kargs"); strings.HasPrefix(kargs, "ip=") {
		return strings.SplitN(kargs[3:], ":", 2)[0]
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ips[vm.Self.Value] == "" {
		g.ips[vm.Self.Value] = fmt.Sprintf("127.77.%d.%d", len(g.ips)/200, 10+len(g.ips)%200)
	}
	return g.ips[vm.Self.Value]
}

func option(vm *simulator.VirtualMachine, key string) string {
	for _, o := range vm.Config.ExtraConfig {
		if v := o.GetOptionValue(); v.Key == key {
			return fmt.Sprint(v.Value)
		}
	}
	return ""
}

// console writes what a kernel would to the serial port's file.
func (g *gate) console(vm *simulator.VirtualMachine) {
	for _, d := range vm.Config.Hardware.Device {
		port, ok := d.(*types.VirtualSerialPort)
		if !ok {
			continue
		}
		if b, ok := port.Backing.(*types.VirtualSerialPortFileBackingInfo); ok {
			_ = os.WriteFile(g.file(b.FileName), []byte("\x1b[1mbooting "+vm.Name+"\x1b[0m\r\n"), 0o600)
		}
	}
}

// file returns where a datastore path such as "[store] folder/file" lies on this computer.
func (g *gate) file(name string) string {
	store, path := "", name
	if end := strings.Index(name, "]"); end > 0 {
		store, path = name[1:end], strings.TrimSpace(name[end+1:])
	}
	for _, e := range g.reg.All("Datastore") {
		if ds, ok := e.(*simulator.Datastore); ok && ds.Name == store {
			return filepath.Join(ds.Info.GetDatastoreInfo().Url, path)
		}
	}
	return filepath.Join(os.TempDir(), "no-such-datastore", path)
}
