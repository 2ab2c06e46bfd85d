package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// What there is, past the API, for tests to judge.

type machine struct {
	Name       string            `json:"name"`
	Folder     string            `json:"folder"`
	On         bool              `json:"on"`
	Template   bool              `json:"template"`
	CPUs       int32             `json:"cpus"`
	MemoryMB   int32             `json:"memory"`
	Version    string            `json:"version"`
	Annotation string            `json:"annotation"`
	Extra      map[string]string `json:"extra"`
	Disks      []disk            `json:"disks"`
	Networks   []string          `json:"networks"`
	MACs       []string          `json:"macs"`
	Serial     string            `json:"serial"`
	Files      string            `json:"files"`
	Datastore  string            `json:"datastore"`
}

type disk struct {
	File   string `json:"file"`
	KB     int64  `json:"kb"`
	Parent string `json:"parent"`
}

type world struct {
	Machines []machine           `json:"machines"`
	Folders  []string            `json:"folders"`
	Rules    map[string][]string `json:"rules"`
	Files    []string            `json:"files"`
}

func (g *gate) world() world {
	g.work.Lock()
	defer g.work.Unlock()
	w := world{Machines: []machine{}, Folders: []string{}, Rules: map[string][]string{}, Files: []string{}}
	for _, e := range g.reg.All("VirtualMachine") {
		if vm, ok := e.(*simulator.VirtualMachine); ok {
			w.Machines = append(w.Machines, g.described(vm))
		}
	}
	for _, e := range g.reg.All("Folder") {
		if f, ok := e.(*simulator.Folder); ok {
			w.Folders = append(w.Folders, f.Name)
		}
	}
	for _, e := range g.reg.All("ClusterComputeResource") {
		cluster := e.(*simulator.ClusterComputeResource)
		for _, rule := range cluster.ConfigurationEx.(*types.ClusterConfigInfoEx).Rule {
			info, ok := rule.(*types.ClusterAntiAffinityRuleSpec)
			if !ok {
				continue
			}
			for _, vm := range info.Vm {
				w.Rules[info.Name] = append(w.Rules[info.Name], g.name(vm))
			}
		}
	}
	for _, e := range g.reg.All("Datastore") {
		ds := e.(*simulator.Datastore)
		root := ds.Info.GetDatastoreInfo().Url
		_ = filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
			if err == nil && path != root {
				w.Files = append(w.Files, "["+ds.Name+"] "+strings.TrimPrefix(path, root+"/"))
			}
			return nil
		})
	}
	return w
}

func (g *gate) described(vm *simulator.VirtualMachine) machine {
	m := machine{
		Name: vm.Name, On: vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn, Template: vm.Config.Template,
		CPUs: vm.Config.Hardware.NumCPU, MemoryMB: vm.Config.Hardware.MemoryMB, Version: vm.Config.Version,
		Annotation: vm.Config.Annotation, Extra: map[string]string{}, Disks: []disk{}, Networks: []string{}, MACs: []string{},
		Files: vm.Config.Files.VmPathName,
	}
	if vm.Parent != nil {
		m.Folder = g.name(*vm.Parent)
	}
	for _, o := range vm.Config.ExtraConfig {
		v := o.GetOptionValue()
		m.Extra[v.Key] = fmt.Sprint(v.Value)
	}
	for _, d := range vm.Config.Hardware.Device {
		g.describe(&m, d)
	}
	return m
}

func (g *gate) describe(m *machine, d types.BaseVirtualDevice) {
	switch device := d.(type) {
	case *types.VirtualDisk:
		b := device.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
		found := disk{File: b.FileName, KB: device.CapacityInKB}
		if b.Parent != nil {
			found.Parent = b.Parent.FileName
		}
		m.Disks = append(m.Disks, found)
	case types.BaseVirtualEthernetCard:
		card := device.GetVirtualEthernetCard()
		m.MACs = append(m.MACs, card.MacAddress)
		switch b := card.Backing.(type) {
		case *types.VirtualEthernetCardNetworkBackingInfo:
			m.Networks = append(m.Networks, b.DeviceName)
		case *types.VirtualEthernetCardDistributedVirtualPortBackingInfo:
			m.Networks = append(m.Networks, b.Port.PortgroupKey)
		}
	case *types.VirtualSerialPort:
		if b, ok := device.Backing.(*types.VirtualSerialPortFileBackingInfo); ok {
			m.Serial = b.FileName
		}
	}
}

// space sets what is free on a datastore, in bytes.
func (g *gate) space(name string, free int64) {
	for _, e := range g.reg.All("Datastore") {
		ds := e.(*simulator.Datastore)
		if ds.Name == name {
			g.reg.WithLock(ds, func() {
				ds.Summary.FreeSpace = free
				ds.Info.GetDatastoreInfo().FreeSpace = free
			})
		}
	}
}

// overwrite sets an extraConfig value from inside, as a guest does.
func (g *gate) overwrite(name, key, value string) {
	for _, e := range g.reg.All("VirtualMachine") {
		vm, ok := e.(*simulator.VirtualMachine)
		if ok && vm.Name == name {
			vm.Config.ExtraConfig = append(vm.Config.ExtraConfig, &types.OptionValue{Key: key, Value: value})
			g.settle(vm)
		}
	}
}
