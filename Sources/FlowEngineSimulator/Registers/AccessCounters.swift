// SPDX-License-Identifier: Apache-2.0

/// Accesses so far, for benchmarks.
public struct AccessCounters: Hashable, Sendable {
    public var reads = 0
    /// All writes; those of tables are told once more below.
    public var writes = 0
    public var hashWords = 0
    /// EMH rules.
    public var ruleWords = 0
    public var collisionWords = 0
    public var maskedRuleWords = 0
    public var tcamWords = 0
    public var actionWords = 0
    public var overwriteWords = 0
    /// By SPI: chip-select assertions, bits on the wire, and what they took with the gaps between them.
    public var spiFrames = 0
    public var spiBits = 0
    public var spiNanoseconds: UInt64 = 0

    public init() {}

    mutating func count(_ table: TableKind) {
        switch table {
        case .hash: hashWords += 1
        case .exactRule: ruleWords += 1
        case .collision: collisionWords += 1
        case .maskedRule: maskedRuleWords += 1
        case .tcam: tcamWords += 1
        case .action: actionWords += 1
        case .overwrite: overwriteWords += 1
        }
    }

    /// What happened since `earlier`.
    public func since(_ earlier: AccessCounters) -> AccessCounters {
        var difference = AccessCounters()
        difference.reads = reads - earlier.reads
        difference.writes = writes - earlier.writes
        difference.hashWords = hashWords - earlier.hashWords
        difference.ruleWords = ruleWords - earlier.ruleWords
        difference.collisionWords = collisionWords - earlier.collisionWords
        difference.maskedRuleWords = maskedRuleWords - earlier.maskedRuleWords
        difference.tcamWords = tcamWords - earlier.tcamWords
        difference.actionWords = actionWords - earlier.actionWords
        difference.overwriteWords = overwriteWords - earlier.overwriteWords
        difference.spiFrames = spiFrames - earlier.spiFrames
        difference.spiBits = spiBits - earlier.spiBits
        difference.spiNanoseconds = spiNanoseconds - earlier.spiNanoseconds
        return difference
    }
}
