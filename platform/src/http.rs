//! How the world asks: strict bodies in, problem details out.
