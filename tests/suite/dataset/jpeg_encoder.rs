//! JPEG files of any sampling factors and any order of scans, written by libjpeg.

use std::mem::zeroed;
use std::os::raw::c_ulong;

use mozjpeg_sys::{
    self as sys, JCP_FASTEST, JINT_COMPRESS_PROFILE, jpeg_common_struct, jpeg_compress_struct,
    jpeg_error_mgr, jpeg_scan_info,
};

/// What a file is like. Its colours are what the header says of them: see [`with_headers`].
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) width: usize,
    pub(super) height: usize,
    /// The horizontal and vertical sampling factor of each component.
    pub(super) sampling: Vec<(usize, usize)>,
    /// The components of each scan; in a progressive file, of each scan of DC coefficients.
    pub(super) scans: Vec<Vec<usize>>,
    pub(super) coding: Coding,
    /// The number of blocks groups (MCUs) between restart markers; 0 for no restarts.
    pub(super) restart_interval: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Baseline,
    Progressive,
    Arithmetic,
    ProgressiveArithmetic,
}

impl Coding {
    fn is_progressive(self) -> bool {
        matches!(self, Self::Progressive | Self::ProgressiveArithmetic)
    }
}

impl Layout {
    /// Whether the standard allows it: at most ten blocks in an interleaved scan (T.81, B.2.3).
    pub(super) fn is_legal(&self) -> bool {
        let blocks = |scan: &Vec<usize>| -> usize {
            let factors = scan.iter().map(|&component| self.sampling[component]);
            factors.map(|(h, v)| h * v).sum()
        };
        self.scans
            .iter()
            .all(|scan| scan.len() == 1 || blocks(scan) <= 10)
    }

    fn scan_script(&self) -> Vec<jpeg_scan_info> {
        // The first and the last coefficient; the bit below the last one that earlier scans have
        // sent, or 0 if there are none; and the last bit of this scan.
        let scan = |components: &[usize], spectrum: (i32, i32), bits: (i32, i32)| {
            let mut index = [0; 4];
            for (slot, &component) in index.iter_mut().zip(components) {
                *slot = component as i32;
            }
            jpeg_scan_info {
                comps_in_scan: components.len() as i32,
                component_index: index,
                Ss: spectrum.0,
                Se: spectrum.1,
                Ah: bits.0,
                Al: bits.1,
            }
        };
        let of_groups = |spectrum, bits| -> Vec<jpeg_scan_info> {
            self.scans
                .iter()
                .map(|group| scan(group, spectrum, bits))
                .collect()
        };
        if !self.coding.is_progressive() {
            return of_groups((0, 63), (0, 0));
        }
        let of_each = |spectrum, bits| -> Vec<jpeg_scan_info> {
            let components = 0..self.sampling.len();
            components
                .map(|component| scan(&[component], spectrum, bits))
                .collect()
        };
        [
            of_groups((0, 0), (0, 1)),
            of_each((1, 5), (0, 2)),
            of_each((6, 63), (0, 2)),
            of_each((1, 63), (2, 1)),
            of_groups((0, 0), (1, 0)),
            of_each((1, 63), (1, 0)),
        ]
        .concat()
    }

    /// The file, without a JFIF or an Adobe segment. Each component is a plane of waves and edges.
    pub(super) fn encode(&self) -> Vec<u8> {
        let script = self.scan_script();
        let [most_h, most_v] = [
            self.sampling.iter().map(|s| s.0).max().unwrap(),
            self.sampling.iter().map(|s| s.1).max().unwrap(),
        ];
        let units_across = self.width.div_ceil(8 * most_h);
        let units_down = self.height.div_ceil(8 * most_v);
        let mut bytes = vec![0; 1 << 20];
        let (mut start, mut length) = (bytes.as_mut_ptr(), bytes.len() as c_ulong);
        // SAFETY: the calls are in the order that libjpeg's manual states, on structs that live
        // longer than the calls; the rows of a unit are as long and as many as libjpeg reads.
        #[allow(
            unsafe_code,
            reason = "libjpeg is C, and its safe wrapper has no scan scripts"
        )]
        unsafe {
            let mut errors: jpeg_error_mgr = zeroed();
            sys::jpeg_std_error(&mut errors);
            errors.error_exit = Some(fail);
            let mut encoder: jpeg_compress_struct = zeroed();
            encoder.common.err = &mut errors;
            sys::jpeg_create_compress(&mut encoder);
            sys::jpeg_mem_dest(&mut encoder, &mut start, &mut length);
            encoder.image_width = self.width as u32;
            encoder.image_height = self.height as u32;
            encoder.input_components = self.sampling.len() as i32;
            encoder.in_color_space = sys::JCS_UNKNOWN;
            sys::jpeg_c_set_int_param(&mut encoder, JINT_COMPRESS_PROFILE, JCP_FASTEST as i32);
            sys::jpeg_set_defaults(&mut encoder);
            for (component, &(h, v)) in self.sampling.iter().enumerate() {
                let info = &mut *encoder.comp_info.add(component);
                info.component_id = component as i32 + 1;
                (info.h_samp_factor, info.v_samp_factor) = (h as i32, v as i32);
                let table = i32::from(component > 0);
                (info.quant_tbl_no, info.dc_tbl_no, info.ac_tbl_no) = (table, table, table);
            }
            encoder.arith_code = i32::from(matches!(
                self.coding,
                Coding::Arithmetic | Coding::ProgressiveArithmetic
            ));
            encoder.scan_info = script.as_ptr();
            encoder.num_scans = script.len() as i32;
            encoder.restart_interval = self.restart_interval;
            encoder.raw_data_in = 1;
            sys::jpeg_start_compress(&mut encoder, 1);
            for unit in 0..units_down {
                let rows: Vec<Vec<Vec<u8>>> = self
                    .sampling
                    .iter()
                    .enumerate()
                    .map(|(component, &(h, v))| {
                        let row = |y| plane_row(component, y, 8 * h * units_across);
                        (unit * 8 * v..(unit + 1) * 8 * v).map(row).collect()
                    })
                    .collect();
                let pointers: Vec<Vec<*const u8>> = rows
                    .iter()
                    .map(|rows| rows.iter().map(Vec::as_ptr).collect())
                    .collect();
                let planes: Vec<*const *const u8> = pointers.iter().map(Vec::as_ptr).collect();
                sys::jpeg_write_raw_data(&mut encoder, planes.as_ptr(), 8 * most_v as u32);
            }
            sys::jpeg_finish_compress(&mut encoder);
            sys::jpeg_destroy_compress(&mut encoder);
        }
        assert_eq!(
            start,
            bytes.as_mut_ptr(),
            "the file is larger than the buffer"
        );
        bytes.truncate(length as usize);
        bytes
    }
}

extern "C-unwind" fn fail(encoder: &mut jpeg_common_struct) {
    // SAFETY: the pointer was set above.
    #[allow(unsafe_code, reason = "as above")]
    let code = unsafe { (*encoder.err).msg_code };
    panic!("libjpeg cannot write this file: error {code}");
}

/// A row of samples: waves whose lengths differ from component to component, and an edge.
fn plane_row(component: usize, y: usize, width: usize) -> Vec<u8> {
    let sample = |x: usize| {
        let [x, y] = [x as f64, y as f64];
        let wave = (x * 0.31 + component as f64).sin() + (y * 0.23 - component as f64).cos();
        let edge = if (x - y).abs() < 3.0 { 60.0 } else { 0.0 };
        (120.0 + 45.0 * wave + edge) as u8
    };
    (0..width).map(sample).collect()
}

/// The segments that say what the components mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Headers {
    pub(super) jfif: bool,
    /// The colour transform of an Adobe segment.
    pub(super) adobe: Option<u8>,
}

impl Headers {
    pub(super) const ALL: [Self; 8] = {
        let none = Self {
            jfif: false,
            adobe: None,
        };
        let jfif = Self {
            jfif: true,
            adobe: None,
        };
        [
            none,
            jfif,
            Self {
                adobe: Some(0),
                ..none
            },
            Self {
                adobe: Some(1),
                ..none
            },
            Self {
                adobe: Some(2),
                ..none
            },
            Self {
                adobe: Some(0),
                ..jfif
            },
            Self {
                adobe: Some(1),
                ..jfif
            },
            Self {
                adobe: Some(2),
                ..jfif
            },
        ]
    };
}

/// The file with these segments at its beginning.
pub(super) fn with_headers(file: &[u8], headers: Headers) -> Vec<u8> {
    let (start, rest) = file.split_at(2);
    let mut bytes = start.to_vec();
    if headers.jfif {
        bytes.extend(b"\xFF\xE0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00");
    }
    if let Some(transform) = headers.adobe {
        bytes.extend(b"\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00");
        bytes.push(transform);
    }
    bytes.extend(rest);
    bytes
}
