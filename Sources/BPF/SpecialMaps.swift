// SPDX-License-Identifier: Apache-2.0
import CBPF
import Glibc

// Maps whose values are kernel objects: programs, interfaces, sockets.
extension BPFMap {
    /// Puts a program into a slot of a program array, for tail calls.
    public func setProgram(_ program: borrowing Program, at index: UInt32) throws(BPFError) {
        try require(.programArray, valueSize: 4, "setProgram")
        try write(index, value: UInt32(bitPattern: program.fd), "program \(program.name) in slot \(index)")
    }

    /// Empties a slot of a program array: a tail call to it falls through.
    /// - Returns: false if it was empty.
    @discardableResult
    public func clearProgram(at index: UInt32) throws(BPFError) -> Bool {
        try require(.programArray, valueSize: 4, "clearProgram")
        return try erase(index)
    }

    /// The kernel's id of the program in a slot; nil if it is empty.
    public func programID(at index: UInt32) throws(BPFError) -> UInt32? {
        try require(.programArray, valueSize: 4, "programID")
        return try read(index, as: UInt32.self)
    }

    /// Sets where a redirect to `key` goes (DEVMAP: the key is an index; DEVMAP_HASH: any number).
    public func setDevice(_ interfaceIndex: UInt32, at key: UInt32) throws(BPFError) {
        try requireDeviceMap("setDevice")
        if info.valueSize == 4 {
            try write(key, value: interfaceIndex, "interface \(interfaceIndex) under \(key)")
        } else {
            let value = DeviceMapValue(interfaceIndex: interfaceIndex, program: -1)
            try write(key, value: value, "interface \(interfaceIndex) under \(key)")
        }
    }

    /// As ``setDevice(_:at:)``, with a program (`SEC("xdp/devmap")`) that runs on the way out.
    public func setDevice(
        _ interfaceIndex: UInt32, egress program: borrowing Program, at key: UInt32
    ) throws(BPFError) {
        try requireDeviceMap("setDevice")
        guard info.valueSize == UInt32(MemoryLayout<DeviceMapValue>.size) else {
            throw .layoutMismatch(
                map: name, subject: "value size", expected: "8 bytes (struct bpf_devmap_val)",
                found: "\(info.valueSize) bytes")
        }
        let value = DeviceMapValue(interfaceIndex: interfaceIndex, program: program.fd)
        try write(key, value: value, "interface \(interfaceIndex) with program \(program.name) under \(key)")
    }

    /// Removes an interface; a redirect to `key` then takes the program's fallback action.
    /// - Returns: false if there was none.
    @discardableResult
    public func clearDevice(at key: UInt32) throws(BPFError) -> Bool {
        try requireDeviceMap("clearDevice")
        return try erase(key)
    }

    /// An interface and the id of its egress program, if it has one.
    public func device(at key: UInt32) throws(BPFError) -> (interfaceIndex: UInt32, programID: UInt32?)? {
        try requireDeviceMap("device")
        if info.valueSize == 4 {
            guard let index = try read(key, as: UInt32.self), index != 0 else { return nil }
            return (index, nil)
        }
        guard let value = try read(key, as: DeviceMapValue.self), value.interfaceIndex != 0 else { return nil }
        return (value.interfaceIndex, value.program == 0 ? nil : UInt32(bitPattern: value.program))
    }

    /// Lets an AF_XDP socket receive what is redirected to `index`, usually its queue.
    public func setSocket(_ socket: borrowing AFXDPSocket, at index: UInt32) throws(BPFError) {
        try require(.xskMap, valueSize: 4, "setSocket")
        try write(index, value: UInt32(bitPattern: socket.fileDescriptor), "AF_XDP socket under \(index)")
    }

    /// Takes a socket out again.
    @discardableResult
    public func clearSocket(at index: UInt32) throws(BPFError) -> Bool {
        try require(.xskMap, valueSize: 4, "clearSocket")
        return try erase(index)
    }

    private func requireDeviceMap(_ operation: String) throws(BPFError) {
        guard info.type == .deviceMap || info.type == .deviceMapHash, info.keySize == 4 else {
            throw .badArgument(
                subject: "\(operation) on map \(name)", found: "\(info.type)",
                expected: "it takes a devmap or devmap_hash")
        }
    }

    private func require(_ type: MapType, valueSize: UInt32, _ operation: String) throws(BPFError) {
        guard info.type == type, info.keySize == 4, info.valueSize == valueSize else {
            throw .badArgument(
                subject: "\(operation) on map \(name)", found: "\(info.type)", expected: "it takes a \(type)")
        }
    }

    private func write<Value: BitwiseCopyable>(_ key: UInt32, value: Value, _ what: String) throws(BPFError) {
        let status = withUnsafePointer(to: key) { key in
            withUnsafePointer(to: value) { value in bpf_map_update_elem(fd, key, value, 0) }
        }
        guard status == 0 else {
            throw .failure(
                "bpf(BPF_MAP_UPDATE_ELEM)", on: "\(info), \(what)", KernelErrno(rawValue: -status),
                needing: [.bpf, .netAdmin])
        }
    }

    private func read<Value: BitwiseCopyable>(_ key: UInt32, as: Value.Type) throws(BPFError) -> Value? {
        try withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { value -> Result<Value?, BPFError> in
            let status = withUnsafePointer(to: key) { bpf_map_lookup_elem(fd, $0, value.baseAddress) }
            if status == 0 { return .success(value[0]) }
            if status == -ENOENT { return .success(nil) }
            return .failure(failure("bpf(BPF_MAP_LOOKUP_ELEM)", status))
        }.get()
    }

    private func erase(_ key: UInt32) throws(BPFError) -> Bool {
        let status = withUnsafePointer(to: key) { bpf_map_delete_elem(fd, $0) }
        if status == 0 { return true }
        if status == -ENOENT { return false }
        throw failure("bpf(BPF_MAP_DELETE_ELEM)", status)
    }
}

/// `struct bpf_devmap_val` of include/uapi/linux/bpf.h, whose union the importer does not take as bitwise copyable.
private struct DeviceMapValue: BitwiseCopyable {
    var interfaceIndex: UInt32
    /// Written: a descriptor, 0 or less for none (kernel/bpf/devmap.c). Read: the program's id, 0 for none.
    var program: Int32
}
