// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Packet
import Tables

/// Key sets of a revision as a card with every table has them.
func keys(_ hashRevision: Int, _ quirks: CardQuirks = CardQuirks(profile: .trustNode)) -> CardKeys {
    var exact: [CardKeys.ExactType] = []
    for type in 1...4 {
        guard let layout = FlowCacheLayouts.emhRule(hashRevision: hashRevision, type: type),
            let rule = RuleLayout(name: "emh type \(type)", type: type, layout),
            let hash = FlowEngineHash(hashRevision: hashRevision, type: type, quirks)
        else { continue }
        exact.append(.init(layout: rule, hash: hash))
    }
    return CardKeys(
        hashRevision: hashRevision, exact: exact, masked: RuleLayout(name: "ema", type: 0, FlowCacheLayouts.emaRule))
}

/// Node ports 1...12 are the card's 0...11.
let twelvePorts = CardPorts(Dictionary(uniqueKeysWithValues: (0..<12).map { (PortID(rawValue: $0 + 1), Int($0)) }))

func book(_ hashRevision: Int = 12, _ change: (inout CardQuirks) -> Void = { _ in }) -> RuleBook {
    var quirks = CardQuirks(profile: .trustNode)
    quirks.countsDrops = true
    change(&quirks)
    return RuleBook(keys: keys(hashRevision, quirks), quirks: quirks, ports: twelvePorts)
}

extension CardTables {
    static var revision7: CardTables { CardTables(.revision7) }
}

extension PortID {
    init(_ number: Int) { self.init(rawValue: UInt16(number)) }
}

/// VLAN and destination: type 3 of key sets 9 and 12.
func station(_ mac: UInt64, vlan: UInt16 = 10) -> Megaflow {
    var megaflow = Megaflow()
    (megaflow.destinationMAC, megaflow.vlan) = (MACAddress(rawValue: mac), VLANID(rawValue: vlan))
    return megaflow
}

func fiveTuple(_ number: UInt32) -> Megaflow {
    var megaflow = Megaflow()
    (megaflow.ipv4Source, megaflow.ipv4Destination) = (.init(rawValue: 0x0a00_0001), .init(rawValue: number))
    (megaflow.ipProtocol, megaflow.sourcePort, megaflow.destinationPort) = (17, 1000, 2000)
    return megaflow
}

extension RuleBook {
    mutating func placed(_ megaflow: Megaflow, _ decision: OffloadDecision) throws -> CardRule? {
        let ordinal = try place(megaflow, decision)
        return self[ordinal]
    }
}
