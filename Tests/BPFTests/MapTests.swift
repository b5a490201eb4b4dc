// SPDX-License-Identifier: Apache-2.0
import CBPF
import TestSupport
import Testing

@testable import BPF

@Suite("Maps", .enabled(if: kernelTestsRun))
struct MapTests {
    func table(entries: UInt32 = 16) throws -> TypedMap<BasicKey, BasicValue> {
        let open = try openBasic()
        try open.setMaxEntries(entries, ofMap: "table")
        return try open.load().map("table", key: BasicKey.self, value: BasicValue.self)
    }

    @Test("an entry is written, read, replaced and removed")
    func singleEntry() throws {
        let map = try table()
        let key = BasicKey(a: 1, b: 2)
        #expect(try map.lookup(key) == nil)
        try map.update(key, BasicValue(count: 3, bytes: 4), .mustNotExist)
        try map.update(key, BasicValue(count: 5, bytes: 6), .mustExist)
        #expect(try map.lookup(key) == BasicValue(count: 5, bytes: 6))
        #expect(try map.remove(key))
        #expect(try map.remove(key) == false)
    }

    @Test("conditions and a full map answer with the kernel's error by name")
    func conditions() throws {
        let map = try table(entries: 1)
        let value = BasicValue(count: 0, bytes: 0)
        var names: [String] = []
        func tryUpdate(_ a: UInt32, _ condition: UpdateCondition) {
            do throws(BPFError) { try map.update(BasicKey(a: a, b: 0), value, condition) } catch {
                names.append(error.errno?.name ?? "")
            }
        }
        tryUpdate(1, .mustExist)
        tryUpdate(1, .any)
        tryUpdate(1, .mustNotExist)
        tryUpdate(2, .any)
        #expect(names == ["ENOENT", "EEXIST", "E2BIG"])
    }

    @Test("types that do not fit the map are refused before any call")
    func layout() throws {
        let object = try loadBasic()
        var texts: [String] = []
        do throws(BPFError) { _ = try object.map("table", key: UInt32.self, value: BasicValue.self) } catch {
            texts.append("\(error)")
        }
        do throws(BPFError) { _ = try object.map("table", key: BasicKey.self, value: UInt64.self) } catch {
            texts.append("\(error)")
        }
        #expect(texts.count == 2)
        #expect(texts[0].contains("key size is 8 bytes in the kernel, this program expects 4 bytes"))
        #expect(texts[1].contains("value size is 16 bytes in the kernel, this program expects 8 bytes"))
    }

    @Test("a batch writes, reads back and removes what single calls see", arguments: [1, 7, 64, 5000])
    func batch(chunk: Int) throws {
        let count = 1000
        let map = try table(entries: 2000)
        let keys = (0..<UInt32(count)).map { BasicKey(a: $0, b: $0 &* 7) }
        let values = (0..<UInt64(count)).map { BasicValue(count: $0, bytes: $0 * 3) }
        try map.updateBatch(keys, values, chunk: chunk)
        #expect(try map.lookup(keys[999]) == values[999])
        var seen: [BasicKey: BasicValue] = [:]
        try map.lookupBatch(chunk: chunk) { keys, values in
            for index in keys.indices { seen[keys[index]] = values[index] }
        }
        #expect(seen.count == count)
        #expect(keys.indices.allSatisfy { seen[keys[$0]] == values[$0] })
        var iterated = 0
        try map.forEachKey { _ in iterated += 1 }
        #expect(iterated == count)
        #expect(try map.removeBatch([BasicKey(a: 77777, b: 0)] + keys, chunk: chunk) == count)
        #expect(try map.lookup(keys[5]) == nil)
    }

    @Test("a C struct of the right size and another name is refused where the map has BTF")
    func structName() throws {
        let object = try loadBasic()
        var caught: BPFError?
        do throws(BPFError) { _ = try object.map("table", key: BasicKey.self, value: xdp_desc.self) } catch {
            caught = error
        }
        #expect("\(caught as Any)".contains("struct basic_value in the kernel, this program expects struct xdp_desc"))
    }

    @Test(
        "batches work on tries, LRU hashes and arrays as well",
        arguments: [MapType.longestPrefixTrie, .lruHash, .array])
    func batchKinds(type: MapType) throws {
        // A trie's key begins with the prefix length; it does not preallocate.
        let isTrie = type == .longestPrefixTrie
        let map = try BPFMap(
            name: "kinds", type: type, keySize: type == .array ? 4 : 8, valueSize: 8, maxEntries: 512,
            flags: isTrie ? 1 : 0)
        var sum: UInt64 = 0
        if type == .array {
            let typed = try TypedMap<UInt32, UInt64>(map)
            try typed.updateBatch(Array(0..<512), Array(0..<512), chunk: 100)
            try typed.lookupBatch(chunk: 100) { _, values in for value in values { sum += value } }
        } else {
            let typed = try TypedMap<BasicKey, UInt64>(map)
            let keys = (0..<UInt32(300)).map { BasicKey(a: isTrie ? 32 : 1, b: $0 &* 0x0100_0193) }
            try typed.updateBatch(keys, Array(0..<300), chunk: 100)
            try typed.lookupBatch(chunk: 100) { _, values in for value in values { sum += value } }
        }
        #expect(sum == (type == .array ? 511 * 512 / 2 : 299 * 300 / 2))
    }

    @Test("a batch that does not fit says how far it came")
    func batchOverflow() throws {
        let map = try table(entries: 10)
        let keys = (0..<UInt32(20)).map { BasicKey(a: $0, b: 0) }
        let values = [BasicValue](repeating: BasicValue(count: 0, bytes: 0), count: 20)
        var caught: BPFError?
        do throws(BPFError) { try map.updateBatch(keys, values, chunk: 4) } catch { caught = error }
        #expect(caught?.errno == .tooBig)
        #expect("\(caught as Any)".contains("10 entries were done"))
    }

    @Test("a batch on a devmap is refused by the name of the kernel's private error number")
    func batchNotSupported() throws {
        let map = try BPFMap(name: "devices", type: .deviceMapHash, keySize: 4, valueSize: 8, maxEntries: 4)
        let typed = try TypedMap<UInt32, UInt64>(map)
        var caught: BPFError?
        do throws(BPFError) { try typed.updateBatch([1], [1]) } catch { caught = error }
        #expect(caught?.errno == .notSupported && "\(caught as Any)".contains("ENOTSUPP (524"))
    }

    @Test("a per-CPU value is read for every CPU, and never as a single one")
    func perCPU() throws {
        let object = try loadBasic()
        let map = try object.map("per_cpu", key: UInt32.self, value: UInt64.self)
        var run = try TestRun(object.program("answer"))
        _ = try run.run(frame, repeat: 10)
        let values = try #require(try map.lookupPerCPU(0))
        #expect(values.count == (try BPFFeatures.possibleCPUs()))
        #expect(values.reduce(0, +) == 10)
        var caught: BPFError?
        do throws(BPFError) { _ = try map.lookup(0) } catch { caught = error }
        #expect("\(caught as Any)".contains("per-CPU"))
        try map.updatePerCPU(0, values.map { $0 + 1 })
        #expect(try map.lookupPerCPU(0) == values.map { $0 + 1 })
    }

    @Test("a mapped array shows what programs write, and programs what it is given")
    func mapped() throws {
        let object = try loadBasic()
        let map = try object.map("shared")
        let array = try MappedArray(map)
        #expect(array.count == 3 && array.stride == 16 && array.byteCount == 48)
        array.withUnsafeMutableElements(as: BasicValue.self) { $0[0] = BasicValue(count: 100, bytes: 0) }
        var run = try TestRun(object.program("answer"))
        _ = try run.run(frame, repeat: 3)
        let expected = BasicValue(count: 103, bytes: 3 * UInt64(frame.count))
        #expect(array.withUnsafeMutableElements(as: BasicValue.self) { $0[0] } == expected)
        #expect(array.bytes.unsafeLoad(as: UInt64.self) == 103)
        #expect(try object.map("shared", key: UInt32.self, value: BasicValue.self).lookup(0) == expected)
    }

    @Test("only a mappable array can be mapped")
    func notMappable() throws {
        let map = try loadBasic().map("table")
        var caught: BPFError?
        do throws(BPFError) { _ = try MappedArray(map) } catch { caught = error }
        #expect("\(caught as Any)".contains("BPF_F_MMAPABLE"))
    }

    @Test("a program in a slot of the program array is what a tail call reaches")
    func tailCall() throws {
        let object = try loadBasic()
        let chain = try object.map("chain")
        var run = try TestRun(object.program("call_next"))
        #expect(try run.run(frame).returnValue == 1)
        let next = try object.program("first_byte")
        try chain.setProgram(next, at: 1)
        #expect(try chain.programID(at: 1) == next.id)
        #expect(try run.run(frame).returnValue == 3)
        #expect(run.outputBytes.first == 0xaa)
        #expect(try chain.clearProgram(at: 1))
        #expect(try chain.clearProgram(at: 1) == false)
        #expect(try run.run(frame).returnValue == 1)
    }

    @Test("an interface in a devmap is read back with its egress program and can be taken out")
    func deviceMap() throws {
        try inPrivateNetworkNamespace {
            let veth = try makeVeth()
            let object = try loadBasic()
            let ports = try object.map("ports")
            let egress = try object.program("egress")
            try ports.setDevice(veth.left, at: 1)
            #expect(try ports.device(at: 1)?.programID == nil)
            try ports.setDevice(veth.left, egress: egress, at: 1)
            let entry = try #require(try ports.device(at: 1))
            #expect(entry.interfaceIndex == veth.left && entry.programID == egress.id)
            try ports.clearDevice(at: 1)
            #expect(try ports.device(at: 1) == nil)
        }
    }

    @Test("a reused pinned map keeps its entries under a newly loaded program")
    func reuse() throws {
        try inPrivateNetworkNamespace {
            let key = BasicKey(a: 1, b: 1)
            try BPFFileSystem.createDirectory("/sys/fs/bpf/test/deep")
            do {
                let map = try table()
                try map.update(key, BasicValue(count: 9, bytes: 9))
                try map.map.pin(at: "/sys/fs/bpf/test/deep/table")
            }
            let pinned = try BPFMap(pinned: "/sys/fs/bpf/test/deep/table")
            let open = try openBasic()
            try open.reuse(pinned, asMap: "table")
            let object = try open.load()
            #expect(try object.map("table").id == pinned.id)
            #expect(try object.map("table", key: BasicKey.self, value: BasicValue.self).lookup(key)?.count == 9)
            var caught: BPFError?
            let other = try openBasic()
            do throws(BPFError) { try other.reuse(pinned, asMap: "per_cpu") } catch { caught = error }
            guard case .layoutMismatch? = caught else {
                Issue.record("a map of another type was taken: \(String(describing: caught))")
                return
            }
            try BPFFileSystem.removeDirectory("/sys/fs/bpf/test")
            #expect(!BPFFileSystem.names(in: "/sys/fs/bpf").contains("test"))
        }
    }
}
