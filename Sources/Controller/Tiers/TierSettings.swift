// SPDX-License-Identifier: Apache-2.0
import Tables

/// What the choice between software and hardware goes by. The first five can be set in the configuration file.
public struct TierSettings: Hashable, Sendable {
    /// Packets per second from which on a flow or a station may move to the card.
    public var promote = 1000.0
    /// Packets per second of a rule below which it leaves the card. Well below `promote`: what lies between stays where it is.
    public var demote = 200.0
    /// The part of the card, and of each of its tables, that an owner can take from others. One who holds more has it of
    /// room that nobody else wanted, and gives it up to the first who holds less.
    public var share = 0.5
    /// Shares of those who have another.
    public var shares: [OffloadOwner: Double] = [:]
    public var tenants = OffloadTenants()
    /// The part of the card that an owner alone cannot have, so that the next one's first rules find room at once.
    public var reserve = 1.0 / 16
    /// How many times as hot as a rule another must be to take its place.
    public var replaceFactor = 2.0
    /// Time over which a rule's rate is smoothed, nanoseconds: what is measured over so long counts half.
    public var smoothing: UInt64 = 3_000_000_000
    /// Time a rule stays at least, nanoseconds: neither cold nor replaced before.
    public var minimumStay: UInt64 = 10_000_000_000
    /// Time after which a rule that has met no packet at all leaves, nanoseconds.
    public var trial: UInt64 = 2_000_000_000
    /// Rules placed and taken out in one round at most.
    public var movesPerRound = 64
    /// Words a second on the bus for moves, on average. SPI at 20 MHz carries some 250 000.
    public var wordsPerSecond = 20_000.0
    /// Time after which something refused is tried again, nanoseconds; doubled with each refusal, up to the second.
    public var firstBackOff: UInt64 = 10_000_000_000
    public var longestBackOff: UInt64 = 640_000_000_000

    public init() {}

    func share(of owner: OffloadOwner) -> Double { shares[owner] ?? share }
}

/// Which ports are whose.
public struct OffloadTenants: Hashable, Sendable {
    private var owners: [PortID: OffloadOwner] = [:]
    private var names: [OffloadOwner: String] = [:]

    public init() {}

    /// - Parameter tenants: the ports of each.
    public init(_ tenants: [String: [PortID]]) {
        for (name, ports) in tenants {
            guard let owner = ports.min().map({ OffloadOwner($0) }) else { continue }
            names[owner] = name
            for port in ports { owners[port] = owner }
        }
    }

    func owner(of port: PortID?) -> OffloadOwner { port.flatMap { owners[$0] } ?? OffloadOwner(port) }

    /// `tenant blue`, `port 3`
    func title(of owner: OffloadOwner) -> String {
        names[owner].map { "tenant \($0)" } ?? "port \(owner.rawValue)"
    }
}
