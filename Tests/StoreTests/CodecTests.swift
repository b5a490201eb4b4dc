// SPDX-License-Identifier: Apache-2.0
import Controller
import Packet
import Tables
import TestSupport
import Testing

@testable import Store

@Suite("Entries as bytes")
struct CodecTests {
    private func blobs(_ entry: TableEntry) -> (key: [UInt8], value: [UInt8]) {
        var (key, value): ([UInt8], [UInt8]) = ([], [])
        EntryCodec.appendKey(of: entry, to: &key)
        EntryCodec.appendValue(of: entry, to: &value)
        return (key, value)
    }

    @Test("every entry comes back from its bytes as it was", arguments: TableID.allCases)
    func roundTrip(table: TableID) throws {
        var random = RandomEntries(seed: 11)
        for _ in 0..<5000 {
            let entry = random.entry(of: table)
            let (key, value) = blobs(entry)
            #expect(try EntryCodec.entry(key: key.span.bytes, value: value.span.bytes) == entry)
        }
    }

    @Test(
        "a port written by an older program is read as it was, and what older programs do not know has a number of its own",
        arguments: [(.drop, 0), (.kernel, 1), (.ignore, 2)] as [(PortEntry.Malformed, UInt8)])
    func numbers(malformed: PortEntry.Malformed, number: UInt8) throws {
        var port = PortEntry(port: PortID(rawValue: 1))
        port.malformed = malformed
        let (key, value): ([UInt8], [UInt8]) = ([1, 0, 1], [0x0f, 0, number, 0, 1, 0x05, 0xdc])
        #expect(blobs(.port(port)).key == key && blobs(.port(port)).value == value)
        #expect(try EntryCodec.entry(key: key.span.bytes, value: value.span.bytes) == .port(port))
    }

    @Test("two entries have the same key bytes if, and only if, they have the same key")
    func keys() {
        var random = RandomEntries(seed: 12)
        var byKey: [EntryKey: [UInt8]] = [:]
        var byBytes: [[UInt8]: EntryKey] = [:]
        var repeated = 0
        func check(_ entry: TableEntry) {
            let key = blobs(entry).key
            if let known = byKey[entry.entryKey] {
                repeated += 1
                #expect(known == key)
            }
            if let known = byBytes[key] { #expect(known == entry.entryKey) }
            byKey[entry.entryKey] = key
            byBytes[key] = entry.entryKey
        }
        for table in TableID.allCases { for _ in 0..<2000 { check(random.entry(of: table)) } }
        // The same keys with other fields.
        var changes = RandomChanges(seed: 12)
        for _ in 0..<5000 { check(changes.amendment().entry) }
        #expect(repeated > 4000)
    }

    @Test("of bytes that are no entry it is said where they are wrong; all others are the one form of their entry")
    func garbage() {
        var random = RandomEntries(seed: 13)
        var refused = 0
        for round in 0..<60_000 {
            var (key, value) = blobs(random.entry(of: random.pick(TableID.allCases)))
            switch round % 4 {
            case 0: key[random.number(0...(key.count - 1))] ^= 1 << random.number(0...7)
            case 1:
                if !value.isEmpty { value[random.number(0...(value.count - 1))] = random.number(0...UInt8.max) }
            case 2:
                if random.bool() { key.removeLast(random.number(0...key.count)) } else { value.append(0) }
                if random.bool() { value.removeLast(random.number(0...value.count)) }
            default:
                key = (0..<random.number(0...40)).map { _ in random.number(0...UInt8.max) }
                if !key.isEmpty { key[0] = random.number(0...12) }
                value = (0..<random.number(0...40)).map { _ in random.number(0...UInt8.max) }
            }
            do {
                let entry = try EntryCodec.entry(key: key.span.bytes, value: value.span.bytes)
                let again = blobs(entry)
                #expect(again.key == key && again.value == value, "\(entry)")
            } catch {
                refused += 1
                #expect(!error.description.isEmpty)
            }
        }
        #expect(refused > 10_000)
    }

    @Test("what is wrong is said with the field and its place")
    func words() throws {
        let (key, value) = blobs(.acl(ACLEntry(id: 1, priority: 2, match: .init(), action: .drop)))
        func damage(_ key: [UInt8], _ value: [UInt8]) -> String {
            do {
                return "\(try EntryCodec.entry(key: key.span.bytes, value: value.span.bytes))"
            } catch {
                return error.description
            }
        }
        #expect(damage([99], value) == "kind at offset 0 cannot be 99")
        #expect(damage(key, Array(value.dropLast())) == "fields needs 2 bytes at offset 6, and they are not there")
        #expect(damage(key + [0], value) == "1 bytes follow the key")
    }

    @Test("numbers given to names come back")
    func identities() throws {
        var changes = RandomChanges(seed: 14)
        for _ in 0..<200 {
            let identities = changes.identities()
            var again = Identities()
            try IdentityCodec.forEach(identities) { kind, name, number in
                try IdentityCodec.add(kind, name.span.bytes, number, to: &again)
            }
            #expect(again == identities)
        }
    }
}

@Suite("Rows found by key")
struct KeyIndexTests {
    @Test("finds what was put in, whatever the hashes are", arguments: [0, 1, 0xff00, UInt64.max])
    func collisions(mask: UInt64) {
        var random = RandomEntries(seed: mask)
        var index = KeyIndex { KeyIndex.hash($0) & mask }
        var model: [[UInt8]: Int64] = [:]
        var keys: [Int64: [UInt8]] = [:]
        for row in 1...Int64(6000) {
            let key = [random.number(0...UInt8.max), random.number(0...3)]
            key.withUnsafeBytes { bytes in
                let found = index.find(bytes) { row in keys[row] == key }
                #expect(found.row == model[key])
                if let row = found.row {
                    index.remove(found)
                    model[key] = nil
                    keys[row] = nil
                } else {
                    index.insert(found, row: row)
                    model[key] = row
                    keys[row] = key
                }
            }
            #expect(index.count == model.count)
        }
        #expect(model.count > 100)
    }
}
