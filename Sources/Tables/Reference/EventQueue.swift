// SPDX-License-Identifier: Apache-2.0
import Packet

/// Events that wait for the controller: bounded, and each miss once an epoch. What finds no room is counted and gone.
struct EventQueue {
    /// A source address seen at a port.
    struct Sighting: Hashable {
        var vlan: VLANID
        var mac: MACAddress
        var port: PortID
    }

    private let capacity: Int
    private let perPortAndEpoch: Int
    private var waiting: [DataPlaneEvent] = []
    private var head = 0
    private var usedByPort = Array(repeating: 0, count: Int(PortID.maximum) + 1)
    private var reportedFlows: Set<FlowKey> = []
    private var reportedMACs: Set<Sighting> = []

    private(set) var sent: UInt64 = 0
    private(set) var repeated: UInt64 = 0
    private(set) var lost: UInt64 = 0

    init(capacity: Int, perPortAndEpoch: Int) {
        (self.capacity, self.perPortAndEpoch) = (capacity, perPortAndEpoch)
    }

    mutating func beginEpoch() {
        for port in usedByPort.indices { usedByPort[port] = 0 }
        reportedFlows.removeAll(keepingCapacity: true)
        reportedMACs.removeAll(keepingCapacity: true)
    }

    mutating func flowMiss(_ miss: FlowMiss) {
        guard !reportedFlows.contains(miss.key) else {
            repeated += 1
            return
        }
        if append(.flowMiss(miss), port: miss.port) { reportedFlows.insert(miss.key) }
    }

    mutating func macMiss(_ sighting: Sighting) {
        guard !reportedMACs.contains(sighting) else {
            repeated += 1
            return
        }
        let event = DataPlaneEvent.macMiss(vlan: sighting.vlan, mac: sighting.mac, port: sighting.port)
        if append(event, port: sighting.port) { reportedMACs.insert(sighting) }
    }

    @discardableResult
    mutating func append(_ event: DataPlaneEvent, port: PortID) -> Bool {
        let slot = Int(port.rawValue)
        guard waiting.count - head < capacity, usedByPort[slot] < perPortAndEpoch else {
            lost += 1
            return false
        }
        usedByPort[slot] += 1
        waiting.append(event)
        sent += 1
        return true
    }

    mutating func take() -> DataPlaneEvent? {
        guard head < waiting.count else {
            waiting.removeAll(keepingCapacity: true)
            head = 0
            return nil
        }
        let event = waiting[head]
        head += 1
        if head >= capacity {
            waiting.removeFirst(head)
            head = 0
        }
        return event
    }
}
