// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters
import Synchronization

/// Why a card cannot be simulated.
public enum SimulatedCardError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownMapRevision(Int)
    case unknownHashRevision(Int)
    case tagVersion(Int)

    public var description: String {
        switch self {
        case .unknownMapRevision(let number):
            "no public source describes map revision \(number); there are "
                + FlowEngineMap.revisions.map { String($0.revision) }.joined(separator: ", ")
        case .unknownHashRevision(let number):
            "no public source describes key set \(number); there are "
                + FlowCacheLayouts.hashRevisions.map { String($0) }.joined(separator: ", ")
        case .tagVersion(let number): "there is no CPU-port tag of version \(number); there are 1 to 4"
        }
    }
}

/// A card in software: registers as a bus sees them, frames as its ports see them, and nothing that real time would change.
///
///     let card = try SimulatedCard(CardConfiguration(profile: .realTimeHAT))
///     let bus = SimulatedRegisterBus(card)
///     try bus.writeWord(RegisterAddress(rawValue: 0x400010), 7)     // NET ENABLE
///     let out = card.receive(frame, port: 0)
///     print(card.lastVerdict)
///
/// Any thread may call it; calls are carried out one after another.
public final class SimulatedCard: Sendable {
    public let configuration: CardConfiguration
    private let core: Mutex<CardCore>

    public init(_ configuration: CardConfiguration) throws(SimulatedCardError) {
        guard let map = FlowEngineMap.revision(configuration.mapRevision) else {
            throw .unknownMapRevision(configuration.mapRevision)
        }
        guard FlowCacheLayouts.hashRevisions.contains(configuration.hashRevision) || !configuration.keySet.isEmpty
        else { throw .unknownHashRevision(configuration.hashRevision) }
        guard (1...4).contains(configuration.tagVersion) else { throw .tagVersion(configuration.tagVersion) }
        self.configuration = configuration
        core = Mutex(CardCore(configuration, map: map, layouts: KeySets.layouts(configuration)))
    }

    /// A frame, without FCS, comes in at a physical port; what leaves the card because of it. On the HAT port 1 is the
    /// host's: frames there carry the tag.
    @discardableResult
    public func receive(_ frame: [UInt8], port: Int, isFrameCheckGood: Bool = true) -> [CardEmission] {
        core.withLock { $0.receive(frame, port: port, isFrameCheckGood: isFrameCheckGood) }
    }

    /// HAT: a tagged frame from the host. On a TrustNode, whose frames have a descriptor instead, it is dropped (reason 17).
    @discardableResult
    public func receiveFromCPU(_ frame: [UInt8]) -> [CardEmission] {
        core.withLock { $0.receiveFromHost(frame, isFrameCheckGood: true) }
    }

    /// TrustNode: a frame by PCIe; its descriptor names port and queue.
    @discardableResult
    public func receiveFromCPU(_ frame: [UInt8], outPort: Int, queue: Int = 0) -> [CardEmission] {
        core.withLock { $0.inject(frame, port: outPort, queue: queue) }
    }

    /// What became of the last frame, and why.
    public var lastVerdict: CardVerdict { core.withLock { $0.verdict } }

    /// Virtual time since the card was made, nanoseconds.
    public var time: UInt64 { core.withLock { $0.time } }

    public func advance(nanoseconds: UInt64) { core.withLock { $0.advance(nanoseconds) } }

    /// Misbehaviour of register accesses. New faults end an absence of the bus that old ones began.
    public var faults: CardFaults {
        get { core.withLock { $0.faults } }
        set { core.withLock { ($0.faults, $0.absentUntil) = (newValue, 0) } }
    }

    /// Number of the next access, for `CardFaults.Trigger.access`.
    public var accessCount: Int { core.withLock { $0.accessCount } }

    public var counters: AccessCounters { core.withLock { $0.counters } }

    /// The die's temperature, °C; at or above `CardConfiguration.overTemperature` the alarm is latched.
    public var temperature: Double {
        get { core.withLock { $0.temperature } }
        set { core.withLock { $0.setTemperature(newValue) } }
    }

    /// Latches bits of FPGA_ALARM.
    public func raise(_ alarms: CardFaults.Alarms) { core.withLock { $0.raise(alarms: alarms.union(.any)) } }

    /// Latches bits of CONFIG_CHECK: 0 CRC, 1 ECC, 2 ECC of a single bit.
    public func raiseConfigurationError(_ bits: UInt32) { core.withLock { $0.raise(configurationErrors: bits) } }

    /// A power cycle: registers and tables are as after power-up. Time goes on.
    public func reset() {
        core.withLock {
            $0.reset(isPowerCycle: true)
            $0.isPowered = true
        }
    }

    /// Takes the power away, or all ones from now on; what the card knew is gone.
    public func powerOff() { core.withLock { $0.powerOff() } }

    public func powerOn() { core.withLock { $0.isPowered = true } }

    /// Resets and power cycles since the card was made.
    public var resets: Int { core.withLock { $0.resets } }

    /// The back door: what the tables hold, decoded.
    public var contents: CardContents { core.withLock { $0.contents } }

    func withCore<Result: Sendable>(_ body: (inout CardCore) -> Result) -> Result {
        core.withLock { body(&$0) }
    }
}
