// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import CLinux
import Packet
import Tables

/// The program under BPF_PROG_TEST_RUN, and the interface its packets seem to come from.
final class TestRunProcessor {
    var run: TestRun
    init(_ run: consuming TestRun) { self.run = run }
}

extension Disposition {
    /// What the program answers the kernel (`enum xdp_action`).
    fileprivate var xdpAction: UInt32 {
        switch self {
        case .forward: 4
        case .kernel: 2
        case .drop, .cpu: 1
        }
    }
}

extension XDPDataPlane: PacketProcessor {
    /// Frames the kernel's test run puts into one buffer, bytes (net/bpf/test_run.c: a page less headroom and skb_shared_info).
    public static let testRunLinearBytes = 3520

    /// Runs one packet through the program. Needs `trace` in the configuration. No port may be attached to loopback: test runs come
    /// from it, and all ports' packets are sent to it, which a test run does not do.
    public func process(_ frame: RawSpan, port: PortID) throws(DataPlaneError) -> PacketVerdict {
        guard configuration.trace else {
            throw .failed(what: "test run", why: "the data plane was loaded without `trace`")
        }
        let outcome: TestRun.Outcome
        let output: [UInt8]
        do {
            if processor == nil { processor = try prepareTestRuns() }
            bindLoopback(port)
            fastPath.trace.pointee.valid = 0
            (outcome, output) = try run(frame)
        } catch {
            throw .failed(what: "test run of \(frame.byteCount) bytes", why: error.description)
        }
        let trace = fastPath.trace.pointee
        guard trace.valid != 0, let disposition = Disposition(rawValue: UInt8(truncatingIfNeeded: trace.disposition)),
            let reason = Reason(rawValue: UInt8(truncatingIfNeeded: trace.reason))
        else { throw .failed(what: "test run", why: "no verdict; the program returned \(outcome.returnValue)") }
        guard outcome.returnValue == disposition.xdpAction else {
            throw .failed(
                what: "test run", why: "the program returned \(outcome.returnValue) for a verdict of \(disposition)")
        }
        return PacketVerdict(
            disposition: disposition, reason: reason,
            egressPort: trace.egress_port == .max ? nil : PortID(rawValue: UInt16(trace.egress_port)),
            floodVLAN: reason == .flood ? VLANID(rawValue: UInt16(trace.vlan)) : nil, mirrored: trace.mirror != 0,
            output: disposition == .drop ? [] : output)
    }

    private func run(_ frame: RawSpan) throws(BPFError) -> (TestRun.Outcome, [UInt8]) {
        let result: Result<(TestRun.Outcome, [UInt8]), BPFError> = frame.withUnsafeBytes { bytes in
            guard let processor else { return .failure(.badArgument(subject: "run", found: "none", expected: "one")) }
            return Result { () throws(BPFError) in
                (try processor.run.run(bytes), processor.run.outputBytes)
            }
        }
        return try result.get()
    }

    private func prepareTestRuns() throws(BPFError) -> TestRunProcessor {
        let transmit = try fastPath.map("tx_ports")
        let flood = try fastPath.map("flood_ports")
        let egress = try fastPath.program("xdp_flood_egress")
        for port in 0..<UInt32(FP_MAX_PORTS) where attachmentFacts[PortID(rawValue: UInt16(port))] == nil {
            try transmit.setDevice(1, at: port)
            try flood.setDevice(1, egress: egress, at: port)
        }
        return TestRunProcessor(try TestRun(fastPathProgram(), outputCapacity: 1 << 17))
    }

    /// A test run without a context comes from loopback, interface 1: that one is made this port for the moment.
    private func bindLoopback(_ port: PortID) {
        let record = UInt32(recordInForce(port))
        memory_store_release64(fastPath.interfaces + 1, fp_interface_slot(1, record))
    }
}
