// SPDX-License-Identifier: Apache-2.0
import FlowEngineDriver
import FlowEngineRegisters
import Glibc

/// A card's SPI side: takes a frame apart byte by byte, as the protocol describes it, and notes whatever does not fit.
// SAFETY: a server's thread and the test use it in turn, never at once.
final class ModelSPISlave: @unchecked Sendable {
    let card: ModelCard
    /// Frames that break the protocol, for people.
    private(set) var violations: [String] = []
    private(set) var frames = 0
    /// ACCESS_ERROR.
    var errors: UInt32 = 0
    /// A write on the card's bus that timed out shows at the next access there.
    private var hasLateWrite = false

    init(_ card: ModelCard) { self.card = card }

    private enum Bit {
        static let command: UInt32 = 1 << 0
        static let undersized: UInt32 = 1 << 1
        static let oversized: UInt32 = 1 << 2
        static let misaligned: UInt32 = 1 << 3
        static let localUndefined: UInt32 = 1 << 4
        static let localTimeout: UInt32 = 1 << 6
        static let mmiAccess: UInt32 = 1 << 7
        static let mmiWriteTimeout: UInt32 = 1 << 8
        static let mmiReadTimeout: UInt32 = 1 << 9
        static let timeoutNow: UInt32 = 1 << 10
    }

    func exchange(_ mosi: [UInt8]) -> [UInt8] {
        frames += 1
        var miso = [UInt8](repeating: 0, count: mosi.count)
        guard let command = mosi.first, let length = [0x0f: 8, 0x3c: 8, 0xc3: 8, 0xf0: 12][command] else {
            return fault(Bit.command, "unknown command in \(mosi)", miso)
        }
        if mosi.count < length { return fault(Bit.undersized, "\(mosi.count) bytes instead of \(length)", miso) }
        if mosi.count > length { return fault(Bit.oversized, "\(mosi.count) bytes instead of \(length)", miso) }
        let number = UInt32(mosi[1]) << 16 | UInt32(mosi[2]) << 8 | UInt32(mosi[3])
        let address = RegisterAddress(rawValue: number)
        let word = UInt32(mosi[4]) << 24 | UInt32(mosi[5]) << 16 | UInt32(mosi[6]) << 8 | UInt32(mosi[7])
        if number % 4 != 0 { return fault(Bit.misaligned, "misaligned address \(address)", miso) }
        let isLocal = command == 0x0f || command == 0x3c
        if isLocal != (number >= 0x0c0000 && number <= 0x0fff00) {
            return fault(Bit.command, "command \(command) for address \(address)", miso)
        }
        let isRead = command == 0x3c || command == 0xf0
        if isRead, mosi[4...].contains(where: { $0 != 0 }) { violations.append("a read carries data: \(mosi)") }
        if !isLocal, hasLateWrite {
            errors |= Bit.mmiWriteTimeout
            hasLateWrite = false
        }
        if isRead {
            let value = isLocal ? readLocal(address) : readMMI(address)
            for byte in 0..<4 { miso[length - 4 + byte] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * byte)) }
        } else {
            switch card.write(address, word) {
            case .done: break
            case .refused: errors |= isLocal ? Bit.localUndefined : Bit.mmiAccess
            case .late: hasLateWrite = true
            }
        }
        return miso
    }

    private func readLocal(_ address: RegisterAddress) -> UInt32 {
        if address == BusRegisters.accessError {
            defer { errors = 0 }
            return errors
        }
        let (value, outcome) = card.read(address)
        switch outcome {
        case .done: break
        case .refused: errors |= Bit.localUndefined
        case .late: errors |= Bit.localTimeout
        }
        return value
    }

    private func readMMI(_ address: RegisterAddress) -> UInt32 {
        let (value, outcome) = card.read(address)
        switch outcome {
        case .done: break
        case .refused: errors |= Bit.mmiAccess
        case .late: errors |= Bit.mmiReadTimeout | Bit.timeoutNow
        }
        return value
    }

    private func fault(_ bit: UInt32, _ violation: String, _ miso: [UInt8]) -> [UInt8] {
        errors |= bit
        violations.append(violation)
        return miso
    }
}

/// The wire to the slave, which may be broken.
final class ModelSPIDevice: AdjustableSPIDevice {
    enum Fault {
        /// Every bit from the card is this, whatever it does.
        case stuck(UInt8)
        /// Frame number `frame` of a go gets an answer of too few bytes.
        case short(frame: Int)
        /// The system call fails before frame number `frame` of a go.
        case torn(frame: Int)
        /// Bits of the answers are flipped above a clock.
        case tooFast(above: Int)
    }

    let slave: ModelSPISlave
    let limits: SPILimits
    var fault: Fault?
    private(set) var hertz = 1_000_000
    /// Goes carried out.
    private(set) var goes = 0
    /// The bytes of every frame, as they went out.
    private(set) var sent: [[UInt8]] = []
    private(set) var speeds: [Int] = []

    init(_ slave: ModelSPISlave, limits: SPILimits = SPILimits(frames: 511, bytes: 4096)) {
        (self.slave, self.limits) = (slave, limits)
    }

    var name: String { "model" }

    func setSpeed(hertz: Int) throws(SPIError) {
        self.hertz = hertz
        speeds.append(hertz)
    }

    func exchange(_ frames: inout SPIFrames) throws(SPIError) {
        goes += 1
        var index = 0
        try frames.answer { (mosi) throws(SPIError) in
            defer { index += 1 }
            if case .torn(let frame) = fault, frame == index {
                throw SPIError(.system(call: "ioctl(SPI_IOC_MESSAGE)", errno: EIO), completed: index)
            }
            sent.append(mosi)
            var miso = slave.exchange(mosi)
            switch fault {
            case .stuck(let byte): miso = [UInt8](repeating: byte, count: miso.count)
            case .short(let frame) where frame == index: miso.removeLast()
            case .tooFast(let limit) where hertz > limit: miso[miso.count - 1] ^= 0x10
            default: break
            }
            return miso
        }
    }
}
