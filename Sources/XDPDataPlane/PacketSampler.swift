// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Glibc
import Netlink
import Tables

/// Reads what a `ReplacementWatch` judges by: the interfaces' counters, then the programs'.
///
/// What an interface counted before it was first seen does not count, and nothing is subtracted when one goes, so the sums only grow.
struct PacketSampler: ~Copyable {
    private struct Verdicts {
        var accounted: UInt64 = 0
        var dropped: UInt64 = 0
        var missed: UInt64 = 0
    }

    private var netlink: NetlinkSocket?
    private var arrivals: [UInt32: UInt64] = [:]
    private var verdicts: [UInt16: Verdicts] = [:]
    private var sums = ReplacementWatch.Sample(time: 0)

    /// Interfaces are those of the calling thread's network namespace.
    init() { netlink = try? NetlinkSocket() }

    /// CLOCK_MONOTONIC, nanoseconds.
    static func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    mutating func sample(_ plane: XDPDataPlane, now: UInt64) -> ReplacementWatch.Sample {
        sums.time = now
        var single: Set<UInt16> = []
        for attachment in plane.attachedPorts {
            // In the driver every frame is a packet to the program; the kernel's generic hook comes after frames were joined.
            let isSingle = attachment.mode == .native
            if isSingle { single.insert(attachment.port.rawValue) }
            guard attachment.mode != nil, let counted = received(attachment.interfaceIndex) else { continue }
            let before = arrivals.updateValue(counted, forKey: attachment.interfaceIndex) ?? counted
            let more = counted > before ? counted - before : 0
            sums.arrived += more
            if isSingle { sums.arrivedSingly += more }
        }
        do {
            let map = try plane.fastPath.map("verdicts", key: UInt32.self, value: fp_counter.self)
            for port in plane.countedPorts {
                let now = try Self.verdicts(map, port)
                let before = verdicts.updateValue(now, forKey: port) ?? Verdicts()
                sums.accounted += now.accounted - before.accounted
                sums.dropped += now.dropped - before.dropped
                sums.missed += now.missed - before.missed
                if single.contains(port) { sums.accountedSingly += now.accounted - before.accounted }
            }
        } catch {
            plane.complain("reading verdict counters: \(error)")
        }
        return sums
    }

    private mutating func received(_ interface: UInt32) -> UInt64? {
        do {
            return try netlink?.counters(ofLink: Int32(bitPattern: interface)).receivedPackets
        } catch {
            return nil
        }
    }

    private static func verdicts(
        _ map: borrowing TypedMap<UInt32, fp_counter>, _ port: UInt16
    ) throws(BPFError) -> Verdicts {
        var sums = Verdicts()
        let first = fp_verdict_slot(UInt32(port), 0, 0)
        try map.forEachPerCPU(first..<first + fp_verdict_slot(1, 0, 0)) { slot, perCPU in
            let packets = perCPU.reduce(0) { $0 + $1.packets }
            guard packets > 0 else { return }
            sums.accounted += packets
            switch fp_disposition(slot >> 6 & 3) {
            case FP_DROP: sums.dropped += packets
            case FP_KERNEL: sums.missed += packets
            default: break
            }
        }
        return sums
    }
}
