// SPDX-License-Identifier: Apache-2.0
import CBPF

extension OpenObject {
    /// Sets a global variable of the object before it is loaded: `const volatile` ones (section `.rodata`) become
    /// constants to the verifier, others (`.data`, `.bss`) start with the value.
    ///
    /// The variable is found by name in the object's BTF; its size must be that of `Value`.
    public func setGlobal<Value: BitwiseCopyable>(_ name: String, to value: Value) throws(BPFError) {
        try initialValue(of: name, bytes: MemoryLayout<Value>.size).storeBytes(of: value, as: Value.self)
    }

    /// The value a global variable of the object starts with, found likewise.
    public func global<Value: BitwiseCopyable>(_ name: String, as type: Value.Type) throws(BPFError) -> Value {
        try initialValue(of: name, bytes: MemoryLayout<Value>.size).loadUnaligned(as: Value.self)
    }

    /// Whether the object has a global variable of this name and size.
    public func hasGlobal(_ name: String, bytes: Int) -> Bool {
        do throws(BPFError) {
            _ = try initialValue(of: name, bytes: bytes)
            return true
        } catch {
            return false
        }
    }

    private func initialValue(of name: String, bytes: Int) throws(BPFError) -> UnsafeMutableRawPointer {
        guard let btf = bpf_object__btf(handle) else {
            throw .badImage(object: self.name, reason: "it has no BTF, so \(name) cannot be found; compile with -g")
        }
        var available: [String] = []
        for section in [".rodata", ".data", ".bss"] {
            for variable in BTFTypes.variables(btf, section: section) {
                available.append(variable.name)
                guard variable.name == name else { continue }
                guard variable.size == bytes else {
                    throw .layoutMismatch(
                        map: section, subject: "size of \(name)", expected: "\(bytes) bytes",
                        found: "\(variable.size) bytes")
                }
                var size = 0
                guard let map = bpf_object__find_map_by_name(handle, section),
                    let initial = bpf_map__initial_value(map, &size), variable.offset + variable.size <= size
                else {
                    throw .badImage(object: self.name, reason: "section \(section) has no contents for \(name)")
                }
                return UnsafeMutableRawPointer(mutating: initial) + variable.offset
            }
        }
        throw .notFound(kind: "global variable", name: name, object: self.name, available: available)
    }
}

extension BPFMap {
    /// A global variable's value, read from the data section that this map is; found by name in the map's BTF. For constants of
    /// a program that an earlier process loaded, whatever else its section holds.
    public func global<Value: BitwiseCopyable>(_ variable: String, as type: Value.Type) throws(BPFError) -> Value {
        guard info.type == .array, info.btfID != 0, let btf = btf__load_from_kernel_by_id(info.btfID) else {
            throw .badImage(object: "map \(name)", reason: "it is no data section with BTF")
        }
        defer { btf__free(btf) }
        let variables = BTFTypes.variables(btf, section: info.btfValueType)
        guard let found = variables.first(where: { $0.name == variable }) else {
            throw .notFound(
                kind: "global variable", name: variable, object: "map \(name)", available: variables.map(\.name))
        }
        guard found.size == MemoryLayout<Value>.size, found.offset + found.size <= Int(info.valueSize) else {
            throw .layoutMismatch(
                map: name, subject: "size of \(variable)", expected: "\(MemoryLayout<Value>.size) bytes",
                found: "\(found.size) bytes")
        }
        let contents = UnsafeMutableRawPointer.allocate(byteCount: Int(info.valueSize), alignment: 16)
        defer { contents.deallocate() }
        let status = withUnsafePointer(to: UInt32(0)) { bpf_map_lookup_elem(fd, $0, contents) }
        if status != 0 { throw failure("bpf(BPF_MAP_LOOKUP_ELEM)", status) }
        return contents.loadUnaligned(fromByteOffset: found.offset, as: Value.self)
    }
}

/// Reads BTF: a compact description of C types in objects and in the kernel (Documentation/bpf/btf.rst).
enum BTFTypes {
    struct Variable {
        var name: String
        var offset: Int
        var size: Int
    }

    /// `BTF_KIND_DATASEC`: an enumerator and a macro share the name, which the importer finds ambiguous.
    private static let datasec: UInt32 = 15

    static func variables(_ btf: OpaquePointer, section: String) -> [Variable] {
        let id = btf__find_by_name_kind(btf, section, datasec)
        return id > 0 ? variables(btf, section: UInt32(id)) : []
    }

    /// The variables of a section given by the id of its type.
    static func variables(_ btf: OpaquePointer, section id: UInt32) -> [Variable] {
        guard id != 0, let type = btf__type_by_id(btf, id), btf_kind(type) == UInt16(datasec),
            let first = btf_var_secinfos(type)
        else { return [] }
        return (0..<Int(btf_vlen(type))).compactMap { index in
            let info = first[index]
            guard let variable = btf__type_by_id(btf, info.type) else { return nil }
            return Variable(
                name: name(btf, variable.pointee.name_off), offset: Int(info.offset), size: Int(info.size))
        }
    }

    static func name(_ btf: OpaquePointer, _ offset: UInt32) -> String {
        guard let text = btf__name_by_offset(btf, offset) else { return "" }
        return String(cString: text)
    }

    /// Name of the struct or union behind typedefs and qualifiers, and its size; the name is empty for other kinds.
    static func layout(_ btf: OpaquePointer, _ id: UInt32) -> (structName: String, size: Int)? {
        let size = btf__resolve_size(btf, id)
        guard size >= 0 else { return nil }
        let resolved = btf__resolve_type(btf, id)
        guard resolved > 0, let type = btf__type_by_id(btf, UInt32(resolved)) else { return ("", Int(size)) }
        return (btf_is_composite(type) ? name(btf, type.pointee.name_off) : "", Int(size))
    }
}
