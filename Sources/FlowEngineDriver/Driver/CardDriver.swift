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
        let (first, last) = try settings.words(identity, map)
        try write((first + last).filter { written[$0.address] != $0.value })
        self.settings = settings
    }

    /// What `restoreSettings` and `restoreTraffic` are to write; nothing is written yet.
    func stage(_ settings: CardSettings) throws(CardError) {
        _ = try settings.words(identity, map)
        self.settings = settings
    }

    /// After a reset: everything but what makes traffic flow.
    func restoreSettings() throws(CardError) {
        written = [:]
        guard let settings else { return }
        try write(settings.words(identity, map).first)
    }

    /// The rest of it.
    func restoreTraffic() throws(CardError) {
        guard let settings else { return }
        try write(settings.words(identity, map).last)
    }

    /// No rule decides until `restoreTraffic`.
    func stopFlowCache() throws(CardError) {
        try write([.write(map.flowCache.enable.address, FlowCacheEnable().rawValue)])
    }

    /// Whether the ports that were enabled are: they are not after a reset.
    var enabledPortsWord: UInt32? { written[map.net.enable.address] }

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
