// SPDX-License-Identifier: Apache-2.0
import CBPF

/// An object whose programs and maps are in the kernel.
///
/// Programs and maps taken from it own descriptors of their own and outlive it.
public struct LoadedObject: ~Copyable {
    private let opened: OpenObject

    init(_ opened: consuming OpenObject) { self.opened = opened }

    public var name: String { opened.name }
    public var programNames: [String] { opened.programNames }
    public var mapNames: [String] { opened.mapNames }

    /// A program by its C function's name.
    public func program(_ name: String) throws(BPFError) -> Program {
        let program = try opened.program(name)
        let fd = bpf_program__fd(program)
        guard fd >= 0 else {
            throw .notFound(kind: "loaded program", name: name, object: self.name, available: programNames)
        }
        return try Program(FileDescriptor(duplicating: fd, of: name), name: name)
    }

    /// A map by its C variable's name; `.bss`, `.data` and `.rodata` name the data sections.
    public func map(_ name: String) throws(BPFError) -> BPFMap {
        let map = try opened.map(name)
        return try BPFMap(FileDescriptor(duplicating: bpf_map__fd(map), of: name), name: name)
    }

    /// A map with its key and value types, checked against the kernel's idea of them.
    public func map<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ name: String, key: Key.Type, value: Value.Type
    ) throws(BPFError) -> TypedMap<Key, Value> {
        try TypedMap(map(name))
    }
}
