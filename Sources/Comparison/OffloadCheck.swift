// SPDX-License-Identifier: Apache-2.0
import Packet
import Tables

/// Holds proofs of megaflows to what the reference does: random tables, random megaflows, and for each that is proven many frames
/// that hardware could take for one of its.
public struct OffloadCheck {
    /// Something hardware would have done otherwise than the tables say.
    public struct Counterexample: Sendable, CustomStringConvertible {
        public var seed: UInt64
        public var megaflow: Megaflow
        public var traits: OffloadTraits
        public var proof: MegaflowProof
        public var packet: TestPacket
        public var why: String

        public var description: String {
            """
            seed \(seed): \(why)
            megaflow \(megaflow)
            traits \(traits)
            proof \(proof.decision), refreshes \(proof.refreshes.map(\.description) ?? "nothing")
            packet at port \(packet.port.rawValue): \(packet.bytes)
            """
        }
    }

    public private(set) var drops = 0
    public private(set) var forwards = 0
    /// Of the proofs, those that hardware refreshes a station for.
    public private(set) var refreshing = 0
    public private(set) var refusals = 0
    /// Frames that agreed with a proven megaflow.
    public private(set) var packets = 0
    /// Of them, those of forwarding megaflows.
    public private(set) var forwarded = 0
    /// Why the reference did with them what it did.
    public private(set) var reasons: [Reason: Int] = [:]
    public private(set) var counterexamples: [Counterexample] = []

    public init() {}

    public mutating func run(seed: UInt64, megaflows: Int, packetsEach: Int) {
        var random = RandomWorld(seed: seed, options: .init(shortestFrame: 0, withRejections: false))
        let plane = ReferenceDataPlane(ecmpSeed: random.options.ecmpSeed, aclDefault: random.options.aclDefault)
        _ = random.world.install(on: plane)
        // Derived entries of a running node say what the tables say; those of a random world need not.
        plane.sweepFlows { record in
            guard record.entry.origin != .static else { return .keep }
            let right = Classifier.evaluate(key: record.entry.key, state: plane.state, generation: plane.generation)
            return right.entry == record.entry ? .keep : .remove
        }
        random.thin(plane)
        let stations = plane.entries(of: .mac).compactMap { entry -> MACEntry? in
            if case .mac(let mac) = entry { mac } else { nil }
        }.sorted { ($0.vlan, $0.mac) < ($1.vlan, $1.mac) }
        let ports = Set(random.options.ports)
        for _ in 0..<megaflows {
            let megaflow = random.nextMegaflow(stations: stations)
            let traits = random.nextTraits()
            let proof: MegaflowProof
            do throws(OffloadRefusal) {
                proof = try MegaflowProof(megaflow, state: plane.state, entries: plane, traits: traits, ports: ports)
            } catch {
                refusals += 1
                continue
            }
            if proof.decision == .drop { drops += 1 } else { forwards += 1 }
            if proof.refreshes != nil { refreshing += 1 }
            let readings = FrameReading.all(traits)
            for number in 0..<packetsEach {
                let reading = readings[number % readings.count]
                let packet = random.nextPacket(agreeingWith: megaflow, reading)
                guard traits.mayMatch(packet.bytes),
                    readings.contains(where: { $0.agrees(packet.bytes, port: packet.port, with: megaflow) })
                else { continue }
                packets += 1
                if proof.decision != .drop { forwarded += 1 }
                guard let why = objection(to: proof, traits, packet, on: plane) else { continue }
                counterexamples.append(
                    Counterexample(
                        seed: seed, megaflow: megaflow, traits: traits, proof: proof, packet: packet, why: why))
                break
            }
        }
    }

    /// What the reference does otherwise; nil if nothing.
    private mutating func objection(
        to proof: MegaflowProof, _ traits: OffloadTraits, _ packet: TestPacket, on plane: ReferenceDataPlane
    ) -> String? {
        // A time of its own for each packet: what it renews is told by that.
        var last = CoarseTime(rawValue: 0)
        plane.sweepMACs { record in
            if record.lastHit.rawValue > last.rawValue { last = record.lastHit }
            return .keep
        }
        let now = CoarseTime(rawValue: last.rawValue + 1)
        plane.setTime(now)
        _ = plane.pollEvents(maximum: .max) { _ in }
        let verdict: PacketVerdict
        do throws(DataPlaneError) {
            verdict = try plane.process(packet.bytes.span.bytes, port: packet.port)
        } catch {
            return "\(error)"
        }
        reasons[verdict.reason, default: 0] += 1
        var learned: MACAddress?
        _ = plane.pollEvents(maximum: .max) { event in
            if case .macMiss(_, let mac, _) = event { learned = mac }
        }
        var renewed: [MACKey] = []
        plane.sweepMACs { record in
            if record.lastHit == now { renewed.append(MACKey(vlan: record.entry.vlan, mac: record.entry.mac)) }
            return .keep
        }
        let found = "\(verdict.disposition) \(verdict.reason.name)"
        if let learned { return "station \(learned) was to be learned (\(found))" }
        if renewed != (proof.refreshes.map { [$0] } ?? []) { return "renewed: \(renewed) (\(found))" }
        if verdict.mirrored { return "mirrored (\(found))" }
        switch proof.decision {
        case .forward(let port) where port == packet.port && traits.dropsToIngress:
            return verdict.disposition == .drop ? nil : "not dropped where it would leave: \(found)"
        case .drop: return verdict.disposition == .drop ? nil : "not dropped: \(found)"
        case .forward(let port):
            guard verdict.disposition == .forward, verdict.egressPort == port else { return "not forwarded: \(found)" }
            return verdict.output == packet.bytes ? nil : "forwarded, but changed: \(verdict.output)"
        }
    }
}
