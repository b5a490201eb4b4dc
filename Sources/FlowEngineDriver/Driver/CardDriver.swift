// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// A card that is known: its registers by name, its settings, what it counts and what it complains of. Its rules are
/// `FlowCacheTables`'. One thread owns it, with the bus.
public final class CardDriver {
    public let bus: any RegisterBus
    public let identity: CardIdentity
    public let map: FlowEngineMap
    public let quirks: CardQuirks
    /// As last applied.
    public private(set) var settings: CardSettings?
    public internal(set) var statistics: CardStatistics
    public internal(set) var alarms = CardAlarms()
    /// Settings by address, as the card has them.
    private var written: [RegisterAddress: UInt32] = [:]

    /// Reads who answers on the bus; changes nothing.
    ///
    /// - Parameter hashRevision: key sets to be used whatever the card says of itself.
    public init(
        bus: any RegisterBus, profile: CardProfile, quirks: CardQuirks? = nil, hashRevision: Int? = nil
    ) throws(CardError) {
        self.bus = bus
        self.quirks = quirks ?? CardQuirks(profile: profile)
        (identity, map) = try CardIdentity.probe(bus, profile: profile, hashRevision: hashRevision)
        statistics = CardStatistics(identity)
    }

    // MARK: Settings

    /// Sets the card up: only what differs from what was applied last is written.
    public func apply(_ settings: CardSettings) throws(CardError) {
        let (first, last) = try words(settings)
        try write((first + last).filter { written[$0.address] != $0.value })
        self.settings = settings
    }

    /// What `restoreSettings` and `restoreTraffic` are to write; nothing is written yet.
    func stage(_ settings: CardSettings) throws(CardError) {
        _ = try settings.words(identity, map, found: NETSpeed())
        self.settings = settings
    }

    /// After a reset: everything but what makes traffic flow.
    func restoreSettings() throws(CardError) {
        written = [:]
        guard let settings else { return }
        try write(words(settings).first)
    }

    /// The rest of it.
    func restoreTraffic() throws(CardError) {
        guard let settings else { return }
        try write(words(settings).last)
    }

    /// No rule decides until `restoreTraffic`.
    func stopFlowCache() throws(CardError) {
        try write([.write(map.flowCache.enable.address, FlowCacheEnable().rawValue)])
    }

    /// Whether the ports that were enabled are: they are not after a reset.
    var enabledPortsWord: UInt32? { written[map.net.enable.address] }

    /// A port whose speed is not set keeps the one it has: all ports are in one register.
    private func words(
        _ settings: CardSettings
    ) throws(CardError) -> (first: [RegisterAccess], last: [RegisterAccess]) {
        var found = NETSpeed()
        if !settings.speeds.isEmpty, let word = written[map.net.speed.address] {
            found = NETSpeed(rawValue: word)
        } else if !settings.speeds.isEmpty {
            do { found = try bus.read(map.net.speed) } catch { throw .bus(error) }
        }
        return try settings.words(identity, map, found: found)
    }

    private func write(_ words: [RegisterAccess]) throws(CardError) {
        var batch = words
        do {
            try bus.transfer(&batch)
        } catch {
            for word in words { written[word.address] = nil }
            throw .bus(error)
        }
        for word in words { written[word.address] = word.value }
    }

    /// Whether it is still a card of the kind that was probed: behind a socket or a cable there may be another after a reset, which would
    /// read the same words otherwise.
    func verify() throws(CardError) {
        let found = try CardIdentity.probe(bus, profile: identity.profile, hashRevision: identity.hashRevision).identity
        guard
            (found.mapRevision, found.hashID, found.portCount)
                == (identity.mapRevision, identity.hashID, identity.portCount)
        else { throw .another(found: found.layout, expected: identity.layout) }
    }

    // MARK: Operations

    /// Resets the card's registers and PHYs, as the vendor's start script does. Everything is to be written again afterwards.
    public func reset() throws(CardError) {
        guard let local = map.spiLocal, identity.profile == .realTimeHAT else {
            throw .notPublic("a reset of \(identity.title) by register")
        }
        written = [:]
        do {
            var reset = SPIReset()
            reset.resets = 3
            try bus.write(local.reset, reset)
            reset.resets = 0
            try bus.write(local.reset, reset)
        } catch {
            throw .bus(error)
        }
    }

    /// What action ids with this overwrite index write over fields of a header, in every datapath. The entry's valid bits are in its first
    /// word, which is cleared first and written last: no frame meets half an entry.
    ///
    /// - Parameter index: 0..<128.
    public func write(_ entry: OverwriteEntry, at index: Int) throws(CardError) {
        let count = map.overwrite.first?.count ?? 0
        guard (0..<count).contains(index) else {
            throw .invalid(setting: "an overwrite index", value: "\(index)", expected: "0..<\(count)")
        }
        let words = entry.words
        var batch: [RegisterAccess] = []
        for table in map.overwrite.prefix(identity.datapathCount) {
            batch.append(.write(table.address(index, word: 0), 0))
            for word in (0..<words.count).reversed() {
                batch.append(.write(table.address(index, word: word), words[word]))
            }
        }
        do { try bus.transfer(&batch) } catch { throw .bus(error) }
    }

    /// °C of the FPGA's die.
    public func temperature() throws(CardError) -> Double {
        do {
            if identity.profile == .realTimeHAT, let local = map.spiLocal {
                return try bus.read(local.fpgaTemp).celsius
            }
            return try bus.read(map.common.fpgaTemp).celsius
        } catch {
            throw .bus(error)
        }
    }
}
