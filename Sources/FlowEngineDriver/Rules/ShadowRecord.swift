// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// One rule in the shadow. Big-endian: format version (8 bits), state (8), fingerprint of how words are to be read (32), key set (8), hash slot
/// (16, all ones for none), action number (16), action word (32), count of rule words (8) and the words, count of TCAM words (8) and the words.
struct ShadowRecord: Hashable, Sendable {
    static let version: UInt8 = 1

    enum State: UInt8, Sendable {
        /// Words of it are to be written, or have been; they are written again after a restart.
        case writing = 1
        /// The card has all of it.
        case settled = 2
        /// It is to be taken out, or has been; it is taken out again after a restart.
        case going = 3
    }

    var state: State
    var fingerprint: UInt32
    var keySet: Int
    /// -1 for none.
    var slot: Int
    var action: Int
    var actionWord: UInt32
    var words: EntryWords
    var tcam: EntryWords

    init(_ rule: CardRule, _ state: State, fingerprint: UInt32) {
        (self.state, self.fingerprint, keySet, slot) = (state, fingerprint, rule.keySet, rule.slot)
        (action, actionWord, words, tcam) = (rule.action, rule.actionWord, rule.words, rule.tcam)
    }

    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(17 + 4 * (words.count + tcam.count))
        bytes.append(Self.version)
        bytes.append(state.rawValue)
        bytes.append(bigEndian: fingerprint)
        bytes.append(UInt8(keySet))
        bytes.append(bigEndian: slot < 0 ? UInt16.max : UInt16(slot))
        bytes.append(bigEndian: UInt16(action))
        bytes.append(bigEndian: actionWord)
        bytes.append(UInt8(words.count))
        for word in 0..<words.count { bytes.append(bigEndian: words[word]) }
        bytes.append(UInt8(tcam.count))
        for word in 0..<tcam.count { bytes.append(bigEndian: tcam[word]) }
        return bytes
    }

    /// Nil: not of this version, or damaged.
    init?(_ bytes: [UInt8]) {
        var reader = Reader(bytes: bytes)
        guard reader.take(1) == UInt64(Self.version),
            let state = reader.take(1).flatMap({ State(rawValue: UInt8($0)) }),
            let fingerprint = reader.take(4), let keySet = reader.take(1), let slot = reader.take(2),
            let action = reader.take(2), let actionWord = reader.take(4), let words = reader.words(),
            let tcam = reader.words(), reader.isAtEnd
        else { return nil }
        self.state = state
        (self.fingerprint, self.keySet) = (UInt32(fingerprint), Int(keySet))
        self.slot = slot == UInt64(UInt16.max) ? -1 : Int(slot)
        (self.action, self.actionWord) = (Int(action), UInt32(actionWord))
        (self.words, self.tcam) = (words, tcam)
    }

    private struct Reader {
        let bytes: [UInt8]
        var offset = 0
        var isAtEnd: Bool { offset == bytes.count }

        mutating func take(_ count: Int) -> UInt64? {
            guard offset + count <= bytes.count else { return nil }
            defer { offset += count }
            return bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func words() -> EntryWords? {
            guard let count = take(1), count <= EntryWords.maximum else { return nil }
            var words = EntryWords(count: Int(count))
            for index in 0..<Int(count) {
                guard let word = take(4) else { return nil }
                words[index] = UInt32(word)
            }
            return words
        }
    }
}

extension RuleBook {
    /// Tells whether words in the shadow were written for a card that is read as this one.
    var fingerprint: UInt32 {
        let parts = [
            "\(keys.hashRevision)", quirks.actionWord.rawValue, quirks.actionID.rawValue, "\(quirks.dropBit ?? 255)",
            quirks.emaType.rawValue, quirks.vlanPriority.rawValue, "\(quirks.untaggedVLAN ?? .max)",
            "\(quirks.tosIsDSCP)", quirks.etherTypeFold.rawValue, "\(String(describing: quirks.hashOverlay))",
            "\(quirks.collisionEntries)", "\(quirks.emaEntries)", "\(keys.exact.map(\.layout.name))",
        ]
        // FNV-1a
        var hash: UInt32 = 0x811c_9dc5
        for byte in parts.joined(separator: "/").utf8 { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return hash
    }

    /// A rule as the shadow tells of it; nil if it cannot be one of this card's.
    func rule(_ record: ShadowRecord, at place: RulePlace) -> CardRule? {
        let isMasked = if case .masked = place { true } else { false }
        guard record.fingerprint == fingerprint, record.slot < FlowEngineHash.slots, isMasked == (record.slot < 0),
            isMasked ? keys.masked != nil && record.keySet == keys.exact.count : record.keySet < keys.exact.count,
            record.words.count == layout(of: record.keySet).words, record.tcam.count == (isMasked ? 4 : 0),
            record.action > 0, record.action < quirks.actionID.actionCount
        else { return nil }
        let decoded = layout(of: record.keySet).decode(record.words, quirks)
        let megaflow = decoded?.key.megaflow(ports: ports, quirks: quirks)
        var decision: OffloadDecision?
        switch CardAction(word: record.actionWord, quirks) {
        case .drop: decision = .drop
        case .output(let number): decision = ports.port(of: number).map { .forward($0) }
        case nil: break
        }
        var rule = CardRule(
            megaflow: megaflow ?? Megaflow(), decision: decision ?? .drop, place: place, keySet: record.keySet,
            slot: record.slot, action: record.action, actionWord: record.actionWord, words: record.words,
            tcam: record.tcam)
        rule.state = record.state == .settled ? .live : .placed
        // What cannot be said in the node's terms any more, a port that is no longer there, has to go.
        if record.state == .going || megaflow == nil || decision == nil { rule.state = .condemned }
        return rule
    }
}
