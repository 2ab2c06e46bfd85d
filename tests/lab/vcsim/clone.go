package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// clone has the library make a clone, and makes it what its spec asks for. The library shares the template's devices
// with all of its clones (one disk path, one MAC address), and passes over cpus, memory, notes, power and linking.
func (g *gate) clone(req *types.CloneVM_Task) (types.AnyType, types.BaseMethodFault) {
	source := g.vm(req.This)
	if source == nil {
		return nil, &types.ManagedObjectNotFound{Obj: req.This}
	}
	if g.reg.Get(req.Folder) == nil {
		return nil, &types.ManagedObjectNotFound{Obj: req.Folder}
	}
	linked := req.Spec.Location.DiskMoveType == string(types.VirtualMachineRelocateDiskMoveOptionsCreateNewChildDiskBacking)
	if linked && req.Spec.Snapshot == nil {
		return nil, &types.InvalidArgument{InvalidProperty: "spec.snapshot"}
	}
	config := req.Spec.Config
	if config == nil {
		config = new(types.VirtualMachineConfigSpec)
	}
	if f := tooMuch(config.ExtraConfig); f != nil {
		return nil, f
	}
	kept := copied(source.Config.Hardware.Device)
	disks, others := apart(config.DeviceChange)
	config.DeviceChange = others
	answer := source.CloneVMTask(background(), req).(*methods.CloneVM_TaskBody)
	result, fault := outcome(g.reg.Get(answer.Res.Returnval).(*simulator.Task))
	if fault != nil {
		source.Config.Hardware.Device = kept
		return nil, fault
	}
	vm := g.vm(result.(types.ManagedObjectReference))
	g.count()
	g.own(vm, kept, disks, linked)
	source.Config.Hardware.Device = kept
	vm.Config.Version = source.Config.Version
	rest := *config
	rest.DeviceChange, rest.ExtraConfig = nil, nil
	g.reconfigure(vm, &rest)
	g.settle(vm)
	if req.Spec.PowerOn {
		answer := vm.PowerOnVMTask(background(), &types.PowerOnVM_Task{This: vm.Self}).(*methods.PowerOnVM_TaskBody)
		if _, fault := outcome(g.reg.Get(answer.Res.Returnval).(*simulator.Task)); fault != nil {
			return nil, fault
		}
	}
	return result, nil
}

func (g *gate) reconfigure(vm *simulator.VirtualMachine, spec *types.VirtualMachineConfigSpec) {
	spec.Name = ""
	vm.ReconfigVMTask(background(), &types.ReconfigVM_Task{This: vm.Self, Spec: *spec})
}

// apart takes changes of disks out: the library would write them over the template's disk.
func apart(changes []types.BaseVirtualDeviceConfigSpec) (map[int32]*types.VirtualDisk, []types.BaseVirtualDeviceConfigSpec) {
	disks, others := map[int32]*types.VirtualDisk{}, []types.BaseVirtualDeviceConfigSpec{}
	for _, change := range changes {
		if disk, ok := change.GetVirtualDeviceConfigSpec().Device.(*types.VirtualDisk); ok {
			disks[disk.Key] = disk
		} else {
			others = append(others, change)
		}
	}
	return disks, others
}

// own gives a clone devices of its own: addresses, disks in its folder, and a parent for those of a linked clone.
func (g *gate) own(vm *simulator.VirtualMachine, of []types.BaseVirtualDevice, resized map[int32]*types.VirtualDisk, linked bool) {
	devices := copied(vm.Config.Hardware.Device)
	parents := map[int32]string{}
	for _, d := range of {
		if disk, ok := d.(*types.VirtualDisk); ok {
			parents[disk.Key] = disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName
		}
	}
	for n, d := range devices {
		switch device := d.(type) {
		case types.BaseVirtualEthernetCard:
			card := device.GetVirtualEthernetCard()
			g.macs++
			card.MacAddress = fmt.Sprintf("00:50:56:80:%02x:%02x", g.macs>>8&0xff, g.macs&0xff)
			card.AddressType = string(types.VirtualEthernetCardMacTypeAssigned)
			vm.Guest.Net = []types.GuestNicInfo{{MacAddress: card.MacAddress, Connected: true, DeviceConfigId: card.Key}}
		case *types.VirtualDisk:
			backing := device.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
			folder := vm.Config.Files.VmPathName[:strings.LastIndex(vm.Config.Files.VmPathName, "/")+1]
			backing.FileName = fmt.Sprintf("%sdisk-%d.vmdk", folder, n)
			if wanted := resized[device.Key]; wanted != nil {
				device.CapacityInKB, device.CapacityInBytes = wanted.CapacityInKB, wanted.CapacityInKB*1024
			}
			if linked {
				backing.Parent = &types.VirtualDiskFlatVer2BackingInfo{VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: parents[device.Key]}}
			}
		}
	}
	vm.Config.Hardware.Device = devices
}

func copied(devices []types.BaseVirtualDevice) []types.BaseVirtualDevice {
	return deep(reflect.ValueOf(devices)).Interface().([]types.BaseVirtualDevice)
}

func deep(v reflect.Value) reflect.Value {
	made := reflect.New(v.Type()).Elem()
	made.Set(v)
	switch v.Kind() {
	case reflect.Ptr:
		if !v.IsNil() {
			made.Set(reflect.New(v.Type().Elem()))
			made.Elem().Set(deep(v.Elem()))
		}
	case reflect.Interface:
		if !v.IsNil() {
			made.Set(deep(v.Elem()))
		}
	case reflect.Slice:
		if !v.IsNil() {
			made.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			for i := 0; i < v.Len(); i++ {
				made.Index(i).Set(deep(v.Index(i)))
			}
		}
	case reflect.Struct:
		for i := 0; i < v.NumField(); i++ {
			if made.Field(i).CanSet() {
				made.Field(i).Set(deep(v.Field(i)))
			}
		}
	}
	return made
}
