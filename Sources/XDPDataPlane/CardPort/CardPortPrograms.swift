// SPDX-License-Identifier: Apache-2.0
import BPF
import CFastPath
import Packet

/// The programs of the CPU port and their maps in the kernel: loaded by this process, or found where an earlier one pinned them.
final class CardPortPrograms {
    static let receiveName = "xdp_card_receive"
    static let sendName = "xdp_card_send"
    private static let constants = "rodata"

    let receive: Program
    let send: Program
    let settings: TypedMap<UInt32, card_settings>
    let ingress: TypedMap<UInt32, card_ingress>
    let egress: TypedMap<UInt32, card_egress>
    let counters: TypedMap<UInt32, fp_counter>
    let devices: BPFMap
    private let rodata: BPFMap
    /// Number of the pinned set; nil when nothing is pinned.
    private(set) var set: UInt32?
    /// Maps, and with them counters and what the CPU port was like, are an earlier process's.
    let isAdopted: Bool
    /// The set was made by this process.
    private(set) var isNewSet = false

    /// Takes over what is pinned. Programs of another build, or loaded with other constants, are loaded anew on the same maps; maps
    /// of another layout are left, and made anew.
    static func start(_ configuration: CardPortConfiguration) throws(BPFError) -> CardPortPrograms {
        let image = try OpenObject.image(name: "cpu_port", base64: CpuPortObject.base64)
        let build = build(of: image, configuration)
        guard let sets = sets(configuration) else { return try CardPortPrograms(image, build, configuration, nil) }
        try BPFFileSystem.createDirectory(sets.directory)
        sets.removeLeftovers()
        let former = sets.current().flatMap { number in try? CardPortPrograms(pinned: sets.path(number), number) }
        if let former, try former.rodata.global("card_build", as: UInt64.self) == build { return former }
        let programs = try CardPortPrograms(image, build, configuration, former)
        programs.set = try sets.add { (path) throws(BPFError) in try programs.pin(in: path) }
        programs.isNewSet = true
        return programs
    }

    static func sets(_ configuration: CardPortConfiguration) -> PinnedSets? {
        configuration.pinDirectory.map { PinnedSets(directory: $0, program: receiveName) }
    }

    private init(
        _ image: [UInt8], _ build: UInt64, _ configuration: CardPortConfiguration, _ former: CardPortPrograms?
    ) throws(BPFError) {
        let open = try OpenObject(name: "cpu_port", image: image)
        try open.setGlobal("card_tag_version", to: configuration.version.rawValue)
        try open.setGlobal("card_delay_flag", to: UInt8(configuration.hasDelayFlag ? 1 : 0))
        try open.setGlobal("card_build", to: build)
        if let former {
            try open.reuse(former.settings.map, asMap: "card_settings")
            try open.reuse(former.ingress.map, asMap: "card_ingress")
            try open.reuse(former.egress.map, asMap: "card_egress")
            try open.reuse(former.counters.map, asMap: "card_counters")
            try open.reuse(former.devices, asMap: "card_devices")
        }
        let object = try open.load()
        settings = try object.map("card_settings", key: UInt32.self, value: card_settings.self)
        ingress = try object.map("card_ingress", key: UInt32.self, value: card_ingress.self)
        egress = try object.map("card_egress", key: UInt32.self, value: card_egress.self)
        counters = try object.map("card_counters", key: UInt32.self, value: fp_counter.self)
        devices = try object.map("card_devices")
        rodata = try object.map(".rodata")
        receive = try object.program(Self.receiveName)
        send = try object.program(Self.sendName)
        isAdopted = former != nil
    }

    /// Opens a set; fails if anything is missing or laid out in another way.
    private init(pinned path: String, _ number: UInt32) throws(BPFError) {
        settings = try TypedMap(BPFMap(pinned: "\(path)/card_settings"))
        ingress = try TypedMap(BPFMap(pinned: "\(path)/card_ingress"))
        egress = try TypedMap(BPFMap(pinned: "\(path)/card_egress"))
        counters = try TypedMap(BPFMap(pinned: "\(path)/card_counters"))
        devices = try BPFMap(pinned: "\(path)/card_devices")
        rodata = try BPFMap(pinned: "\(path)/\(Self.constants)")
        receive = try Program(pinned: "\(path)/\(Self.receiveName)")
        send = try Program(pinned: "\(path)/\(Self.sendName)")
        (set, isAdopted) = (number, true)
        let version = try settings.lookup(0)?.abi_version ?? 0
        guard version == UInt32(CARD_ABI_VERSION) else {
            throw .layoutMismatch(
                map: "card_settings", subject: "version of the layout", expected: "\(CARD_ABI_VERSION)",
                found: "\(version)")
        }
    }

    private func pin(in path: String) throws(BPFError) {
        try settings.map.pin(at: "\(path)/card_settings")
        try ingress.map.pin(at: "\(path)/card_ingress")
        try egress.map.pin(at: "\(path)/card_egress")
        try counters.map.pin(at: "\(path)/card_counters")
        try devices.pin(at: "\(path)/card_devices")
        try rodata.pin(at: "\(path)/\(Self.constants)")
        try receive.pin(at: "\(path)/\(Self.receiveName)")
        try send.pin(at: "\(path)/\(Self.sendName)")
    }

    /// What stands for an image and its constants: the beginning of a digest of both.
    private static func build(of image: [UInt8], _ configuration: CardPortConfiguration) -> UInt64 {
        let constants = [UInt8(configuration.version.rawValue), configuration.hasDelayFlag ? 1 : 0]
        return SHA256.digest(of: image + constants).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
