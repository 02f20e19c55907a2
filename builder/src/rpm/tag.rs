//! The numbers of the tags that are read.
//!
//! Source: rpm's `include/rpm/rpmtag.h`, `lib/rpmtag.h`.

pub(super) const NAME: u32 = 1000;
pub(super) const VERSION: u32 = 1001;
pub(super) const RELEASE: u32 = 1002;
pub(super) const EPOCH: u32 = 1003;
pub(super) const SUMMARY: u32 = 1004;
pub(super) const DESCRIPTION: u32 = 1005;
pub(super) const BUILDTIME: u32 = 1006;
pub(super) const VENDOR: u32 = 1011;
pub(super) const LICENSE: u32 = 1014;
pub(super) const URL: u32 = 1020;
pub(super) const ARCH: u32 = 1022;
pub(super) const SOURCERPM: u32 = 1044;
pub(super) const SOURCEPACKAGE: u32 = 1106;

pub(super) const OLDFILENAMES: u32 = 1027;
pub(super) const FILESIZES: u32 = 1028;
pub(super) const FILEMODES: u32 = 1030;
pub(super) const FILEMTIMES: u32 = 1034;
pub(super) const FILEDIGESTS: u32 = 1035;
pub(super) const FILELINKTOS: u32 = 1036;
pub(super) const FILEFLAGS: u32 = 1037;
pub(super) const FILEUSERNAME: u32 = 1039;
pub(super) const FILEGROUPNAME: u32 = 1040;
pub(super) const FILEDEVICES: u32 = 1095;
pub(super) const FILEINODES: u32 = 1096;
pub(super) const DIRINDEXES: u32 = 1116;
pub(super) const BASENAMES: u32 = 1117;
pub(super) const DIRNAMES: u32 = 1118;
pub(super) const FILECOLORS: u32 = 1140;
pub(super) const LONGFILESIZES: u32 = 5008;
pub(super) const FILECAPS: u32 = 5010;
pub(super) const FILEDIGESTALGO: u32 = 5011;

pub(super) const PAYLOADFORMAT: u32 = 1124;
pub(super) const PAYLOADCOMPRESSOR: u32 = 1125;
pub(super) const PAYLOADDIGEST: u32 = 5092;
pub(super) const PAYLOADDIGESTALGO: u32 = 5093;
pub(super) const PAYLOAD_SHA512: u32 = 5121;
pub(super) const PAYLOAD_SHA3_256: u32 = 5123;

/// Name, flags and version of each kind of dependency.
pub(super) type DependencyTags = (u32, u32, u32);
pub(super) const PROVIDE: DependencyTags = (1047, 1112, 1113);
pub(super) const REQUIRE: DependencyTags = (1049, 1048, 1050);
pub(super) const CONFLICT: DependencyTags = (1054, 1053, 1055);
pub(super) const OBSOLETE: DependencyTags = (1090, 1114, 1115);
pub(super) const RECOMMEND: DependencyTags = (5046, 5048, 5047);
pub(super) const SUGGEST: DependencyTags = (5049, 5051, 5050);
pub(super) const SUPPLEMENT: DependencyTags = (5052, 5054, 5053);
pub(super) const ENHANCE: DependencyTags = (5055, 5057, 5056);

/// Text, interpreter and flags of each kind of scriptlet.
pub(super) type ScriptTags = (u32, u32, u32);
pub(super) const PRE: ScriptTags = (1023, 1085, 5020);
pub(super) const POST: ScriptTags = (1024, 1086, 5021);
pub(super) const PREUN: ScriptTags = (1025, 1087, 5022);
pub(super) const POSTUN: ScriptTags = (1026, 1088, 5023);
pub(super) const PRETRANS: ScriptTags = (1151, 1153, 5024);
pub(super) const POSTTRANS: ScriptTags = (1152, 1154, 5025);
pub(super) const PREUNTRANS: ScriptTags = (5103, 5105, 5107);
pub(super) const POSTUNTRANS: ScriptTags = (5104, 5106, 5108);
pub(super) const VERIFY: ScriptTags = (1079, 1091, 5026);

/// The lists that make up one kind of trigger.
pub(super) struct TriggerTags {
    pub(super) scripts: u32,
    pub(super) interpreters: u32,
    pub(super) flags: u32,
    pub(super) names: u32,
    pub(super) indexes: u32,
}
pub(super) const TRIGGER: TriggerTags =
    TriggerTags { scripts: 1065, interpreters: 1092, flags: 1068, names: 1066, indexes: 1069 };
pub(super) const FILETRIGGER: TriggerTags =
    TriggerTags { scripts: 5066, interpreters: 5067, flags: 5072, names: 5069, indexes: 5070 };
pub(super) const TRANSFILETRIGGER: TriggerTags =
    TriggerTags { scripts: 5076, interpreters: 5077, flags: 5082, names: 5079, indexes: 5080 };

/// Tags of the signature header.
pub(super) mod signature {
    pub(in crate::rpm) const DSA_HEADER: u32 = 267;
    pub(in crate::rpm) const RSA_HEADER: u32 = 268;
    pub(in crate::rpm) const SHA256_HEADER: u32 = 273;
    pub(in crate::rpm) const OPENPGP: u32 = 278;
    pub(in crate::rpm) const SHA3_256_HEADER: u32 = 279;
    pub(in crate::rpm) const LONGSIZE: u32 = 270;
    pub(in crate::rpm) const SIZE: u32 = 1000;
    pub(in crate::rpm) const PGP: u32 = 1002;
    pub(in crate::rpm) const GPG: u32 = 1005;
}
