//! calo-report
