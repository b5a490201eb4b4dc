// SPDX-License-Identifier: Apache-2.0

/// What the card was given, as far as it cannot be asked: plain values, for whoever keeps them.
public struct CardShadow: Hashable, Sendable {
    /// What stands in the card's scratch register while its tables are what this says; 0: never written.
    public var marker: UInt64
    /// Rules by place, in the driver's own format (`ShadowRecord`).
    public var records: [UInt64: [UInt8]]

    public init(marker: UInt64 = 0, records: [UInt64: [UInt8]] = [:]) {
        (self.marker, self.records) = (marker, records)
    }
}

/// What is different from now on.
public struct CardShadowChange: Hashable, Sendable {
    /// Nil: as it was.
    public var marker: UInt64?
    /// Nil removes the record. Records that are not named stay.
    public var records: [UInt64: [UInt8]?]

    public init(marker: UInt64? = nil, records: [UInt64: [UInt8]?] = [:]) {
        (self.marker, self.records) = (marker, records)
    }
}

/// Why the shadow could not be read or written, in a sentence.
public struct CardShadowError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

/// Durable memory for the driver's shadow.
///
/// Laws: `record` returns when the change is on disk, whole; a process that ends at any time afterwards finds it with `load`.
/// When it throws, nothing of it will be found. Calls come from the thread that owns the driver; one call may hold a thousand records.
public protocol CardShadowStore: AnyObject {
    func load() throws(CardShadowError) -> CardShadow
    func record(_ change: CardShadowChange) throws(CardShadowError)
}

/// Keeps the shadow in memory: for a card whose driver need not survive its process, and for simulated ones.
public final class MemoryShadowStore: CardShadowStore {
    public private(set) var shadow: CardShadow
    /// Changes recorded.
    public private(set) var changes = 0

    public init(_ shadow: CardShadow = CardShadow()) { self.shadow = shadow }

    public func load() -> CardShadow { shadow }

    public func record(_ change: CardShadowChange) {
        changes += 1
        if let marker = change.marker { shadow.marker = marker }
        for (place, record) in change.records { shadow.records[place] = record }
    }
}
