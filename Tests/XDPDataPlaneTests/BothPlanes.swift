// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables
import Testing

@testable import XDPDataPlane

extension XDPConfiguration {
    /// Small tables, verdicts explained, hashes that are the same every time.
    static var forTests: XDPConfiguration {
        var configuration = XDPConfiguration()
        (configuration.ipv4Flows, configuration.ipv6Flows) = (1024, 512)
        (configuration.macs, configuration.routes) = (512, 512)
        (configuration.trace, configuration.hashSeed) = (true, 4711)
        return configuration
    }
}

/// The two data planes with the same tables and the same ECMP hash; what is done to one is done to the other.
final class BothPlanes {
    let xdp: XDPDataPlane
    let reference: ReferenceDataPlane

    init(_ configuration: XDPConfiguration = .forTests) throws {
        xdp = try XDPDataPlane(configuration)
        reference = ReferenceDataPlane(
            ecmpSeed: xdp.fastPath.ecmpSeed, aclDefault: configuration.aclDefaultDrop ? .drop : .permit)
        reference.singleBufferBytes = XDPDataPlane.testRunLinearBytes
        // Generations are the data plane's own; entries that name one must mean the same in both.
        while reference.generation != xdp.generation { reference.advanceGeneration() }
    }

    /// Writes to both and expects the same results.
    @discardableResult
    func write(_ updates: [TableUpdate], _ location: SourceLocation = #_sourceLocation) -> [UpdateResult] {
        let expected = reference.write(updates)
        let found = xdp.write(updates)
        for (place, update) in updates.enumerated() where expected[place] != found[place] {
            Issue.record(
                "\(update): reference \(expected[place]), XDP \(found[place])", sourceLocation: location)
        }
        return found
    }

    /// Writes to both what must be applied.
    func apply(_ updates: [TableUpdate], _ location: SourceLocation = #_sourceLocation) {
        for (update, result) in zip(updates, write(updates, location)) where result != .applied {
            Issue.record("\(update): \(result)", sourceLocation: location)
        }
    }

    /// Puts a frame through both, expects the same verdict and output, and returns it.
    @discardableResult
    func process(
        _ frame: [UInt8], port: UInt16, _ note: String = "", _ location: SourceLocation = #_sourceLocation
    ) throws -> PacketVerdict {
        let port = PortID(rawValue: port)
        let expected = try reference.process(frame.span.bytes, port: port)
        let found = try xdp.process(frame.span.bytes, port: port)
        if expected != found {
            Issue.record(
                "\(note) at port \(port.rawValue): \(hex(frame))\nreference \(text(expected))\nXDP       \(text(found))",
                sourceLocation: location)
        }
        return found
    }

    /// Expects the counters of all tables, the verdicts and the entries to be the same.
    func expectSameCounters(_ location: SourceLocation = #_sourceLocation) {
        #expect(
            Set(xdp.verdictCounters()) == Set(reference.verdictCounters()), "verdicts", sourceLocation: location)
        for table in [TableID.acl, .ipv4, .ipv6] {
            #expect(
                Dictionary(xdp.counters(of: table).map { ($0.entry, $0.counter) }) { a, _ in a }
                    == Dictionary(reference.counters(of: table).map { ($0.entry, $0.counter) }) { a, _ in a },
                "\(table)", sourceLocation: location)
        }
        #expect(flows(xdp) == flows(reference), "flows", sourceLocation: location)
        #expect(macs(xdp) == macs(reference), "MACs", sourceLocation: location)
    }
}

struct Held: Hashable {
    var counter: Counter
    var lastHit: CoarseTime
}

func flows(_ plane: some DataPlane) -> [FlowEntry: Held] {
    var all: [FlowEntry: Held] = [:]
    plane.sweepFlows {
        all[$0.entry] = Held(counter: $0.counter, lastHit: $0.lastHit)
        return .keep
    }
    return all
}

func macs(_ plane: some DataPlane) -> [MACEntry: Held] {
    var all: [MACEntry: Held] = [:]
    plane.sweepMACs {
        all[$0.entry] = Held(counter: $0.counter, lastHit: $0.lastHit)
        return .keep
    }
    return all
}

func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

func text(_ verdict: PacketVerdict) -> String {
    "\(verdict.disposition) \(verdict.reason.name) egress \(verdict.egressPort.map { "\($0.rawValue)" } ?? "-") "
        + "flood \(verdict.floodVLAN.map { "\($0.rawValue)" } ?? "-") mirrored \(verdict.mirrored) \(hex(verdict.output))"
}
